"""A clone may replace a table: fakesnow 0.12 forgets `or replace` in `create or replace table … clone …`."""

from typing import Any


def let_clones_replace() -> None:
    """Give fakesnow's clones their `or replace` back. Call it once, before the server answers."""
    import fakesnow.transforms

    plain = fakesnow.transforms.create_clone

    def with_replace(expression: Any) -> Any:
        made = plain(expression)
        if made is not expression and expression.args.get("replace"):
            made.set("replace", True)
        return made

    fakesnow.transforms.create_clone = with_replace
