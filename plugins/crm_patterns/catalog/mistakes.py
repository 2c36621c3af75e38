"""What is wrong with a settings file, each mistake with its line and key. Loaded only where something is."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from crm_patterns.core.errors import FixSettings


def mistakes(path: Path, problems: list[str]) -> FixSettings:
    """The error that tells them all."""
    listed = "\n".join(f"  {path.name}: {problem}" for problem in problems)
    count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return FixSettings(f"{count} in {path}:\n{listed}\n", fix="Correct the settings file.")


def problems_in(text: str, error: ValidationError, model: type[BaseModel]) -> list[str]:
    """A sentence on each thing in the file's text that `model` does not take."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return [_problem(item, node, model) for item in error.errors()]


def _problem(item: Any, node: yaml.Node | None, model: type[BaseModel]) -> str:
    location = tuple(item["loc"])
    key = ".".join(str(part) for part in location)
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(location[-1]), _known_keys(model, location), n=1)
        message = "no such setting" + (f"; did you mean {near[0]}?" if near else "")
    elif item["type"] == "missing":
        message = "this setting is missing"
    else:
        message += f" (found {item['input']!r})" if isinstance(item["input"], str | int | float) else ""
    return f"line {_line_of(node, location)}, {key}: {message}"


def _known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """The keys that the part of the file has which the last of `location` is in."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        if field is not None:
            model = _model_in(field.annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Of a section the model itself, of a list of them that of its items."""
    candidates = (annotation, *typing.get_args(annotation))
    return next((each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _line_of(node: yaml.Node | None, location: tuple[Any, ...]) -> int:
    line: int = node.start_mark.line + 1 if node else 1
    for part in location:
        found = next(_children(node, part), None)
        if found is None:
            break
        line, node = found.start_mark.line + 1, found
    return line


def _children(node: yaml.Node | None, part: Any) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        yield from (value for key, value in node.value if key.value == str(part))
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        yield node.value[part]
