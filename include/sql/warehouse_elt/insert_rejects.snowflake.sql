-- Adds the key of every row that broke one rule. The failing rows are found by a query that yields one column, RECORD_KEY.
insert into {{ table | table }} ("RECORD_KEY", "RULE", "COLUMN_NAME", "REASON")
select distinct failing."RECORD_KEY", %(rule)s, %(column_name)s, %(reason)s
from (
{{ failing_keys_sql | embedded }}
) as failing
