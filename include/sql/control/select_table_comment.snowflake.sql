-- The comment of one table, in one row; no row where there is no such table.
select tables.comment as table_comment
from information_schema.tables as tables
where tables.table_schema = %(schema)s
    and tables.table_name = %(table)s
