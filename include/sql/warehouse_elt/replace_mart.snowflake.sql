-- The mart is the audited attempt, with its columns and comments, from one moment to the next. Grants have to be given anew.
create or replace transient table {{ target | table }} clone {{ attempt | table }}
