-- All rows of the files in the folder are in the table, or none: the first bad row stops the load.
copy into {{ table | table }}
from {{ stage | stage }}/{{ folder | folder }}/
file_format = (type = parquet use_logical_type = true)
match_by_column_name = case_insensitive
on_error = abort_statement
purge = true
force = true
