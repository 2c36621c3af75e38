-- How many rows of the attempt point at a parent that its published table does not hold. A warning, never a verdict.
select count(*) as orphans
from {{ attempt | table }} as attempt
left join {{ parent | table }} as parent
    on parent.{{ parent_key | identifier }} = attempt.{{ column | identifier }}
where attempt.{{ column | identifier }} is not null
    and parent.{{ parent_key | identifier }} is null
