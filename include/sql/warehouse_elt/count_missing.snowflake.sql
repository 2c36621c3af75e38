-- How many living rows of the target a complete read did not bring, counted before they are marked.
{% import "warehouse_elt/row_versions.snowflake.jinja" as versions %}
select count(*) as missing
from (
{{ versions.missing_keys(target, attempt, contract, set_aside) }}
) as missing_rows
