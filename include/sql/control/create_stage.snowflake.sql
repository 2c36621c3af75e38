-- The internal stage that files are PUT into is there afterwards; its files are not touched.
create stage if not exists {{ stage | table }}
