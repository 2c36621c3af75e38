-- The column holds longer texts, or more digits, afterwards; its values and its decimal places stay as they are.
alter table {{ table | table }} alter column {{ field.column | identifier }} set data type {{ field | type }}
