-- The number of rows of the table.
select count(*) as row_count
from {{ table | table }}
