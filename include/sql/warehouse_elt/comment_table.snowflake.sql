-- The table's comment is the given text.
comment on table {{ table | table }} is {{ text | prose }}
