"""An empty moment stays empty: fakesnow 0.12 sends a null TIMESTAMP_TZ as the first second of 1970."""

from typing import Any


def keep_null_moments() -> None:
    """Give fakesnow's answers the nulls of their timestamps back. Call it once, before the server answers."""
    import fakesnow.arrow
    import pyarrow as pa

    plain = fakesnow.arrow.timestamp_to_sf_struct

    def with_nulls(moments: Any) -> Any:
        whole = moments.combine_chunks() if isinstance(moments, pa.ChunkedArray) else moments
        parts = plain(whole)
        values = [parts.field(at).fill_null(0) for at in range(parts.type.num_fields)]
        return pa.StructArray.from_arrays(values, fields=list(parts.type), mask=whole.is_null())

    fakesnow.arrow.timestamp_to_sf_struct = with_nulls
