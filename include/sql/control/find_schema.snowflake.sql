-- One row where the schema is there and this role may see it; none otherwise.
select schemata.schema_name
from information_schema.schemata as schemata
where schemata.schema_name = %(schema)s
