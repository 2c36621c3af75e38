-- The map of merged records is there afterwards; what it holds is not touched.
create table if not exists {{ table | table }} (
    "OBJECT_NAME" varchar,
    "LOSER_ID" varchar,
    "WINNER_ID" varchar,
    "SURVIVOR_ID" varchar,
    "MERGED_AT" timestamp_tz,
    "LEARNED_AT" timestamp_tz
)
