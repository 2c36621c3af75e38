"""What all settings are: frozen, without a key that nobody knows, their names checked."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

ApiName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]


class Frozen(BaseModel):
    """A part is checked as a part of the whole file: a validator of its own is not built before somebody needs one."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
