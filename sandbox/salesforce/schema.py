"""The org's objects as data: one YAML file per object in `schema/`, plus what was changed while the org lived.

A field is written `type(length)` or `type(precision,scale)` or `reference(Object,…)`, followed by words:
`!` not null, `ro` neither createable nor updateable, `create-only`, `defaulted` on create, `external` id, `unique`,
`lookup` (usable as an upsert key), `restricted` picklist, `name` field, `auto` number, `cascade` (goes with its
parent). A mapping adds: `is` (that notation), `values` and `labels` of a picklist, `default`, `formula` (its text,
which makes it calculated), `sql` (computed when read, `{row}` and `{today}` filled in), `relationship`, `children`
(its name seen from the parent). `address` stands for a compound and its eight parts.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "schema"
SYSTEM = ("IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")
_SYSTEM_FIELDS = {
    "Id": "id(18)! ro defaulted",
    "IsDeleted": "boolean! ro defaulted",
    "CreatedDate": "datetime! ro defaulted",
    "CreatedById": "reference(User)! ro defaulted",
    "LastModifiedDate": "datetime! ro defaulted",
    "LastModifiedById": "reference(User)! ro defaulted",
    "SystemModstamp": "datetime! ro defaulted",
}
_ADDRESS_PARTS = {
    "Street": "textarea(255)",
    "City": "string(40)",
    "State": "string(80)",
    "PostalCode": "string(20)",
    "Country": "string(80)",
    "Latitude": "double(18,15)",
    "Longitude": "double(18,15)",
    "GeocodeAccuracy": "picklist(40) restricted",
}
_ACCURACIES = ("Address", "NearAddress", "Block", "Street", "ExtendedZip", "Zip", "Neighborhood", "City", "County",
               "State", "Unknown")  # fmt: skip
_NOTATION = re.compile(r"^(?P<type>\w+)(?:\((?P<args>[^)]*)\))?(?P<required>!)?(?P<words>(?:\s+[\w-]+)*)$")
_WORDS = {"ro", "create-only", "defaulted", "external", "unique", "lookup", "restricted", "name", "auto", "cascade"}
NUMBERS = frozenset({"double", "currency", "percent"})
TEXTS = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "combobox", "multipicklist", "anyType",
                   "encryptedstring"})  # fmt: skip
IDS = frozenset({"id", "reference"})
COMPOUNDS = frozenset({"address", "location"})
_STORAGE = {"boolean": "boolean", "int": "integer", "long": "bigint", "date": "date", "datetime": "timestamp",
            "time": "time", "base64": "blob"}  # fmt: skip
TYPES = NUMBERS | TEXTS | IDS | COMPOUNDS | _STORAGE.keys()


class SchemaError(ValueError):
    """A field or object is described in a way that cannot be understood; the text names it."""


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field as describe tells it. `sql` is set where the value is computed when read and has no column."""

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted_on_create: bool = False
    default: str | None = None
    external_id: bool = False
    unique: bool = False
    id_lookup: bool = False
    name_field: bool = False
    auto_number: bool = False
    cascade: bool = False
    restricted: bool = False
    picklist: tuple[str, ...] = ()
    picklist_labels: tuple[str, ...] = ()
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    children: str | None = None
    compound: str | None = None
    formula: str | None = None
    sql: str | None = None
    hidden: bool = False

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @property
    def calculated(self) -> bool:
        return self.formula is not None

    @property
    def polymorphic(self) -> bool:
        return len(self.reference_to) > 1

    @property
    def long_text(self) -> bool:
        """Cannot be filtered, sorted or grouped."""
        return self.type == "textarea" and self.length > 255

    @property
    def storage(self) -> str | None:
        """The DuckDB type of the column; None when there is no column."""
        if self.sql is not None or self.type in COMPOUNDS:
            return None
        if self.type in NUMBERS:
            return f"decimal({self.precision},{self.scale})"
        return _STORAGE.get(self.type, "varchar")

    @property
    def required_on_insert(self) -> bool:
        return self.createable and not self.nillable and not self.defaulted_on_create and self.type != "boolean"


@dataclass(frozen=True)
class ObjectSpec:
    """One object. `fields` holds every field, in describe's order, hidden ones included."""

    name: str
    prefix: str
    label: str
    plural: str
    fields: Mapping[str, FieldSpec]
    read_only: bool = False
    deletable: bool = True
    undeletable: bool = True
    mergeable: bool = False
    replicateable: bool = True
    bulk: bool = True
    bin: bool = True
    activity: bool = False

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @cached_property
    def visible(self) -> Mapping[str, FieldSpec]:
        """Fields that the user may see."""
        return {name: spec for name, spec in self.fields.items() if not spec.hidden}

    @cached_property
    def _by_lower(self) -> Mapping[str, FieldSpec]:
        return {name.lower(): spec for name, spec in self.visible.items()}

    @cached_property
    def _by_relationship(self) -> Mapping[str, FieldSpec]:
        return {spec.relationship_name.lower(): spec for spec in self.visible.values() if spec.relationship_name}

    def find(self, name: str) -> FieldSpec | None:
        """The visible field with this name in any case."""
        return self._by_lower.get(name.lower())

    def find_relationship(self, name: str) -> FieldSpec | None:
        """The visible reference whose relationship has this name in any case."""
        return self._by_relationship.get(name.lower())

    @property
    def cursor(self) -> str | None:
        """The field that moves with every write, as replication calls use it."""
        names = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
        return next((name for name in names if name in self.fields), None)


@dataclass
class Schema:
    """All objects by name. Lookups ignore case."""

    objects: dict[str, ObjectSpec]
    _by_lower: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._by_lower = {name.lower(): name for name in self.objects}

    def find(self, name: str) -> ObjectSpec | None:
        known = self._by_lower.get(name.lower())
        return self.objects[known] if known else None

    def by_prefix(self, prefix: str) -> ObjectSpec | None:
        return next((spec for spec in self.objects.values() if spec.prefix == prefix), None)

    def put_field(self, object_name: str, spec: FieldSpec) -> None:
        """Add a field or replace the one with its name."""
        owner = self.objects[object_name]
        self.objects[object_name] = replace(owner, fields={**owner.fields, spec.name: spec})

    def drop_field(self, object_name: str, name: str) -> None:
        owner = self.objects[object_name]
        kept = {key: spec for key, spec in owner.fields.items() if key != name}
        self.objects[object_name] = replace(owner, fields=kept)

    def children_of(self, parent: str) -> Iterator[tuple[ObjectSpec, FieldSpec]]:
        """Each object and field that refers to `parent`."""
        for child in self.objects.values():
            for spec in child.visible.values():
                if parent in spec.reference_to:
                    yield child, spec


def load() -> Schema:
    """The objects of `schema/`. Raises SchemaError naming the file and the field."""
    objects = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        text = yaml.safe_load(path.read_text(encoding="utf-8"))
        objects[path.stem] = read_object(path.stem, text)
    return Schema(objects)


def read_object(name: str, text: Mapping[str, Any]) -> ObjectSpec:
    """One object from its YAML mapping."""
    wanted = dict(text)
    notation, system = wanted.pop("fields"), wanted.pop("system", ["Id", *SYSTEM])
    label = wanted.pop("label", name)
    fields: dict[str, FieldSpec] = {}
    for each in ("Id", "IsDeleted"):
        if each in system:
            fields[each] = read_field(name, each, _SYSTEM_FIELDS[each])
    for key, value in notation.items():
        for spec in _fields_of(name, key, value, plural=wanted["plural"]):
            fields[spec.name] = spec
    for each in system:
        fields.setdefault(each, read_field(name, each, _SYSTEM_FIELDS[each]))
    return ObjectSpec(name=name, label=label, fields=fields, **wanted)


def _fields_of(owner: str, name: str, value: Any, *, plural: str) -> Iterator[FieldSpec]:
    if value != "address":
        yield read_field(owner, name, value, plural=plural)
        return
    prefix = name.removesuffix("Address")
    for part, notation in _ADDRESS_PARTS.items():
        spec = replace(read_field(owner, prefix + part, notation), compound=name)
        if part == "GeocodeAccuracy":
            spec = replace(spec, picklist=_ACCURACIES, picklist_labels=_ACCURACIES)
        yield spec
    parts = ", ".join(f'"{part[0].lower()}{part[1:]}" := {{row}}."{prefix}{part}"' for part in sorted(_ADDRESS_PARTS))
    sql = f"struct_pack({parts})"
    yield FieldSpec(name, "address", label_of(name), createable=False, updateable=False, sql=sql)


def label_of(name: str) -> str:
    """`AnnualRevenue` → `Annual Revenue`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.removesuffix("__c").replace("_", " ")).removesuffix(" Id")


def read_field(owner: str, name: str, value: str | Mapping[str, Any], *, plural: str = "") -> FieldSpec:
    """One field from its notation. Raises SchemaError naming object and field."""
    more: Mapping[str, Any] = {"is": value} if isinstance(value, str) else value
    match = _NOTATION.match(str(more.get("is", "")))
    words = set(match["words"].split()) if match else set()
    if match is None or match["type"] not in TYPES or words - _WORDS:
        raise SchemaError(f"{owner}.{name}: cannot read the field type {more.get('is')!r}")
    computed = more.get("sql") is not None
    writable = not computed and "ro" not in words and "auto" not in words
    lookup = bool(words & {"external", "lookup"}) or match["type"] == "id"
    spec = FieldSpec(
        name=name,
        type=match["type"],
        label=more.get("label", label_of(name)),
        nillable=match["required"] is None and match["type"] != "boolean",
        createable=writable,
        updateable=writable and "create-only" not in words,
        defaulted_on_create="defaulted" in words or match["type"] == "boolean" or "auto" in words,
        default=more.get("default"),
        external_id="external" in words,
        unique="unique" in words,
        id_lookup=lookup,
        name_field="name" in words,
        auto_number="auto" in words,
        cascade="cascade" in words,
        restricted="restricted" in words,
        picklist=tuple(more.get("values", ())),
        picklist_labels=tuple(more.get("labels", more.get("values", ()))),
        formula=more.get("formula"),
        sql=more.get("sql"),
    )
    spec = _sized(spec, match["args"] or "", where=f"{owner}.{name}")
    return _related(spec, more, plural) if spec.type == "reference" else spec


def _sized(spec: FieldSpec, arguments: str, *, where: str) -> FieldSpec:
    if spec.type == "reference":
        return replace(spec, length=18, reference_to=tuple(arguments.replace(" ", "").split(",")))
    try:
        numbers = [int(each) for each in arguments.split(",") if each]
    except ValueError as error:
        raise SchemaError(f"{where}: cannot read the size ({arguments})") from error
    if spec.type in NUMBERS:
        precision, scale = (*numbers, 0, 0)[:2]
        return replace(spec, precision=precision or 18, scale=scale)
    if spec.type == "int":
        return replace(spec, digits=numbers[0] if numbers else 9)
    return replace(spec, length=numbers[0] if numbers else 0)


def _related(spec: FieldSpec, more: Mapping[str, Any], plural: str) -> FieldSpec:
    relationship = f"{spec.name[:-1]}r" if spec.custom else spec.name.removesuffix("Id")
    children = None if spec.reference_to[0] == "User" else plural.replace(" ", "")
    relationship, children = more.get("relationship", relationship), more.get("children", children)
    return replace(spec, relationship_name=relationship, children=children)
