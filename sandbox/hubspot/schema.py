"""The properties of an object: what may be read, written and searched, and how HubSpot describes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from sandbox.hubspot.errors import HubSpotFault, malformed

FOLDER = Path(__file__).with_name("schema")
MOST_UNIQUE = 10
TYPES = frozenset({"string", "number", "date", "datetime", "enumeration", "bool", "phone_number"})
FREE_OPTIONS = frozenset({"owner", "free"})
"""Enumerations whose values come from elsewhere: any is taken."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property. `check` narrows its values beyond the type: `email`, `owner`, `free`."""

    name: str
    label: str = ""
    type: str = "string"
    field_type: str = "text"
    group: str = "information"
    options: Mapping[str, str] = field(default_factory=dict)
    hidden_options: frozenset[str] = frozenset()
    unique: bool = False
    calculated: bool = False
    read_only: bool = False
    custom: bool = False
    check: str = ""
    archived: bool = False

    @property
    def is_multiple(self) -> bool:
        return self.type == "enumeration" and self.field_type == "checkbox"

    def as_json(self) -> dict[str, Any]:
        """As `GET /crm/v3/properties/{type}` lists it."""
        options = [
            {"label": label, "value": value, "displayOrder": place, "hidden": value in self.hidden_options}
            for place, (value, label) in enumerate(self.options.items())
        ]
        return {
            "name": self.name,
            "label": self.label or self.name,
            "type": self.type,
            "fieldType": self.field_type,
            "description": "",
            "groupName": self.group,
            "options": options,
            "displayOrder": -1,
            "calculated": self.calculated,
            "externalOptions": self.check == "owner",
            "archived": self.archived,
            "hasUniqueValue": self.unique,
            "hidden": False,
            "hubspotDefined": not self.custom,
            "modificationMetadata": {
                "archivable": self.custom,
                "readOnlyDefinition": not self.custom,
                "readOnlyOptions": not self.custom,
                "readOnlyValue": self.read_only,
            },
            "formField": not self.read_only,
        }


@dataclass(frozen=True, slots=True)
class ObjectType:
    """`modified` names the property that says when a record last changed: contacts spell it differently."""

    name: str
    type_id: str
    singular: str
    modified: str
    first_id: int
    default_properties: tuple[str, ...]


OBJECT_TYPES = (
    ObjectType(
        "contacts", "0-1", "Contact", "lastmodifieddate", 151,
        ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    ),
    ObjectType(
        "companies", "0-2", "Company", "hs_lastmodifieddate", 8_500_000_001,
        ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    ),
)  # fmt: skip


def load_properties(object_type: ObjectType) -> dict[str, Property]:
    """The properties that a new account has."""
    text = (FOLDER / f"{object_type.name}.yaml").read_text(encoding="utf-8")
    return {name: _from_yaml(name, data) for name, data in yaml.safe_load(text).items()}


def _from_yaml(name: str, data: dict[str, Any]) -> Property:
    renamed = {"fieldType": "field_type"}
    given = {renamed.get(key, key): value for key, value in data.items()}
    given["options"] = {str(value): str(label) for value, label in data.get("options", {}).items()}
    return Property(name=name, **given)


def new_property(asked: Mapping[str, Any], existing: Mapping[str, Property]) -> Property:
    """A custom property as a client asked for it; refused where HubSpot refuses it."""
    name = str(asked.get("name", ""))
    if not name.replace("_", "").isalnum() or name != name.lower():
        raise malformed(f"Property name {name!r} must be lower case and contain letters, digits and underscores only.")
    if name in existing and not existing[name].archived:
        raise HubSpotFault(409, "OBJECT_ALREADY_EXISTS", f"A property named '{name}' already exists.")
    if asked.get("type") not in TYPES:
        raise malformed(f"Invalid property type: {asked.get('type')!r}")
    unique = bool(asked.get("hasUniqueValue", False))
    if unique and sum(each.unique and each.custom for each in existing.values()) >= MOST_UNIQUE:
        raise malformed(f"An object may have at most {MOST_UNIQUE} properties with unique values.")
    return Property(
        name=name,
        label=str(asked.get("label", name)),
        type=str(asked["type"]),
        field_type=str(asked.get("fieldType", "text")),
        group=str(asked.get("groupName", "information")),
        unique=unique,
        custom=True,
        **_options(asked),
    )


def changed_property(known: Property, asked: Mapping[str, Any]) -> Property:
    """A property with a new label or new options; whether its values are unique cannot be changed."""
    if not known.custom:
        raise HubSpotFault(400, "VALIDATION_ERROR", f"Property {known.name} is read only.")
    given: dict[str, Any] = _options(asked) if "options" in asked else {}
    return replace(known, label=str(asked.get("label", known.label)), **given)


def _options(asked: Mapping[str, Any]) -> dict[str, Any]:
    listed = asked.get("options") or []
    return {
        "options": {str(each["value"]): str(each["label"]) for each in listed},
        "hidden_options": frozenset(str(each["value"]) for each in listed if each.get("hidden")),
    }
