-- The table is gone afterwards, whether or not it was there.
drop table if exists {{ table | table }}
