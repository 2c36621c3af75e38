-- Columns of the table with their types.
describe table {{ table | table }}
