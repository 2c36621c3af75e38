-- The column is there afterwards, empty in the rows that are there already.
alter table {{ table | table }} add column if not exists {{ field.column | identifier }} {{ field | type }}
