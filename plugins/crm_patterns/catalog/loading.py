"""
A settings file, read and checked.

`${NAME}` and `${NAME:-default}` in a value are taken from the environment, so that a laptop, a test and production can
share one file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from crm_patterns.core.errors import FixSettings

Settings = TypeVar("Settings", bound=BaseModel)

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C where there is one: this file is read whenever a DAG file is."""


def include_dir(environ: Mapping[str, str] | None = None) -> Path:
    """The project's include/ folder: beside plugins/, or where CRM_PATTERNS_INCLUDE says."""
    named = (os.environ if environ is None else environ).get("CRM_PATTERNS_INCLUDE")
    return Path(named) if named else Path(__file__).resolve().parents[3] / "include"


def load(path: Path, model: type[Settings], environ: Mapping[str, str] | None = None) -> Settings:
    """Read a settings file as `model`. Raises FixSettings with every mistake in it."""
    text = _text_of(path)
    missing: list[str] = []
    expanded = _expand(_mapping_in(text, path.name), os.environ if environ is None else environ, missing, ())
    try:
        settings = model.model_validate(expanded)
    except ValidationError as error:
        from crm_patterns.catalog.mistakes import mistakes, problems_in

        raise mistakes(path, missing + problems_in(text, error, model)) from error
    if missing:
        from crm_patterns.catalog.mistakes import mistakes

        raise mistakes(path, missing)
    return settings


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise FixSettings(f"The settings file {path} cannot be read: {error.strerror}.", fix="Create it.") from error


def _mapping_in(text: str, name: str) -> dict[str, Any]:
    try:
        data = yaml.load(text, Loader=_LOADER)  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as error:
        told = " ".join(str(error).split())
        raise FixSettings(f"{name} is not valid YAML: {told}.", fix="Correct that line.") from error
    if not isinstance(data, dict):
        raise FixSettings(f"{name} is empty or not a mapping of keys to values.", fix="Start from the shipped file.")
    return data


def _expand(value: Any, environ: Mapping[str, str], missing: list[str], at: tuple[Any, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _expand(inner, environ, missing, (*at, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_expand(inner, environ, missing, (*at, index)) for index, inner in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if name not in environ and default is None:
            missing.append(f"{'.'.join(map(str, at))}: the environment variable {name} is not set")
        return environ.get(name, default or "")

    return re.sub(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}", replace, value)
