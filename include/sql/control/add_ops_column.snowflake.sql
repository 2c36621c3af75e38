-- The published dataset has the column afterwards, empty in the rows of earlier runs.
alter table {{ table | table }} add column if not exists {{ column.name | identifier }} {{ column | type }}
