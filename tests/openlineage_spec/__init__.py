"""Holds OpenLineage events to OpenLineage's own JSON schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

FOLDER = Path(__file__).parent
SCHEMAS = [json.loads(path.read_text()) for path in sorted(FOLDER.rglob("*.json"))]
REGISTRY: Registry[Any] = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS]
)
EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"


def faults_of(event: dict[str, Any]) -> list[str]:
    """What breaks the schema of run events, or of a facet's own; facets of others than OpenLineage need only a base."""
    found = _faults(EVENT, event, "event")
    for where, facet in _facets(event):
        url = str(facet.get("_schemaURL"))
        if url.startswith("https://openlineage.io/spec/facets/"):
            found += _faults(url, facet, where)
    return found


def _faults(url: str, instance: Any, where: str) -> list[str]:
    validator = Draft202012Validator({"$ref": url}, registry=REGISTRY, format_checker=FormatChecker())
    return [f"{where}{error.json_path[1:]}: {error.message[:300]}" for error in validator.iter_errors(instance)]


def _facets(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    holders = [("run", event["run"], "facets"), ("job", event["job"], "facets")]
    for side, own in (("inputs", "inputFacets"), ("outputs", "outputFacets")):
        for dataset in event.get(side) or ():
            holders += [(f"{side} {dataset['name']}", dataset, name) for name in ("facets", own)]
    for where, holder, name in holders:
        yield from ((f"{where}.{key}", facet) for key, facet in (holder.get(name) or {}).items())
