-- The schema is there afterwards; what is in it is not touched.
create schema if not exists {{ schema | identifier }}
