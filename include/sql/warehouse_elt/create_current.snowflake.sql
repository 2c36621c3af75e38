-- The table that people query is there afterwards, with the contract's columns and ours; its rows are not touched.
create table if not exists {{ table | table }} (
{% for field in contract.fields %}
    {{ field.column | identifier }} {{ field | type }},
{% endfor %}
    "_SYNCED_AT" timestamp_tz,
    "_RUN_ID" varchar,
    "_DELETED" boolean,
    "_SOURCE_MODIFIED_AT" timestamp_tz
)
