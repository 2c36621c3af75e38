-- The run's rows are in the dataset afterwards, once per key: publishing a run again replaces its own rows.
{% set keys = columns | selectattr("is_key") | map(attribute="name") | list %}
{% set others = columns | rejectattr("is_key") | map(attribute="name") | list %}
merge into {{ target | table }} as kept
using {{ attempt | table }} as incoming
    on {% for key in keys %}{{ " and " if not loop.first }}kept.{{ key | identifier }} = incoming.{{ key | identifier }}{% endfor %}

when matched then update set
{% for name in others %}
    {{ name | identifier }} = incoming.{{ name | identifier }}{{ "," if not loop.last }}
{% endfor %}
when not matched then insert (
{% for column in columns %}
    {{ column.name | identifier }}{{ "," if not loop.last }}
{% endfor %}
)
values (
{% for column in columns %}
    incoming.{{ column.name | identifier }}{{ "," if not loop.last }}
{% endfor %}
)
