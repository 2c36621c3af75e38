-- An empty table for the keys that broke a rule, whatever an earlier try left there.
create or replace transient table {{ table | table }} (
    "RECORD_KEY" varchar,
    "RULE" varchar,
    "COLUMN_NAME" varchar,
    "REASON" varchar
)
