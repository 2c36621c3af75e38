-- The column's comment says what it means. Nothing else of it changes.
alter table {{ table | table }} modify column {{ field.column | identifier }} comment {{ field | meaning }}
