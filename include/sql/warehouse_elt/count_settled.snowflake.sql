-- Living records whose stamp is before the cutoff; all living ones where the object has no stamp.
select count(*) as row_count
from {{ target | table }} as kept
where not coalesce(kept."_DELETED", false)
{% if contract.cursor_column %}
    and kept."_SOURCE_MODIFIED_AT" < %(cutoff)s::timestamp_tz
{% endif %}
