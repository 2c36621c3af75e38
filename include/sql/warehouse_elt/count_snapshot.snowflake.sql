-- How many opportunities the day's snapshot holds.
select count(*) as opportunities
from {{ snapshot | table }} as snapshot
where snapshot."SNAPSHOT_DATE" = %(day)s::date
