"""Where a query's names lead: fields of its object, and through lookups to fields of its parents."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import SalesforceFault, invalid_field, invalid_type
from sandbox.salesforce.schema import FieldSpec, ObjectSpec
from sandbox.salesforce.soql_syntax import Node, place

if TYPE_CHECKING:
    from sandbox.salesforce.store import Org

DEEPEST = 5
_NAME_FIELDS = ("Name", "FirstName", "LastName", "Email", "Title", "Phone")


@dataclass(frozen=True, slots=True)
class Reached:
    """A field at the end of a path: its SQL, its description, and the path in proper spelling."""

    sql: str
    spec: FieldSpec
    path: tuple[str, ...]


class Scope:
    """One FROM with the joins that its paths need. `values` are shared by all scopes of a query (`$1`, `$2`, …)."""

    def __init__(
        self,
        org: "Org",
        text: str,
        source: Node,
        *,
        values: list[Any],
        row: str = "kept",
        owner: ObjectSpec | None = None,
    ) -> None:
        self.org = org
        self.text = text
        self.values = values
        name = str(source.children[0])
        found = owner or org.schema.find(name)
        if found is None:
            raise invalid_type(name, where=place(text, source))
        self.object = found
        self.names = {name.lower(), found.name.lower(), str(source.children[1] or name).lower()}
        self.row = row
        self._joins: dict[tuple[str, ...], tuple[str, ObjectSpec]] = {}
        self._join_sql: list[str] = []

    @property
    def parents(self) -> list[tuple[tuple[str, ...], str, str]]:
        """Each parent reached so far: its path, its object, and the SQL of its id."""
        return [(path, owner.name, f'{alias}."Id"') for path, (alias, owner) in self._joins.items()]

    @property
    def from_sql(self) -> str:
        return " ".join([f'"{self.object.name}" as {self.row}', *self._join_sql])

    def bind(self, value: Any) -> str:
        """A placeholder for a value."""
        self.values.append(value)
        return f"${len(self.values)}"

    def living(self) -> list[str]:
        """What `query` adds and `queryAll` does not: neither deleted nor archived."""
        hidden = ("IsDeleted", "IsArchived") if self.object.activity else ("IsDeleted",)
        return [f'not {self.row}."{name}"' for name in hidden if name in self.object.fields]

    def reach(self, path: Node) -> Reached:
        """The field that a path names. Raises INVALID_FIELD."""
        words = [str(token) for token in path.children]
        if len(words) > 1 and words[0].lower() in self.names and self.object.find_relationship(words[0]) is None:
            words = words[1:]
        where = place(self.text, path)
        if len(words) - 1 > DEEPEST:
            raise SalesforceFault(400, "INVALID_FIELD", f"{where}too many levels of relationships: {'.'.join(words)}")
        row, owner, proper = self.row, self.object, []
        for depth, word in enumerate(words[:-1], start=1):
            lookup = owner.find_relationship(word)
            if lookup is None or not self._targets(lookup):
                raise _no_relationship(word, where)
            proper.append(str(lookup.relationship_name))
            row, owner = self._joined(tuple(proper), row, lookup, last=depth == len(words) - 1)
        spec = owner.find(words[-1])
        if spec is None:
            raise invalid_field(owner.name, words[-1], where=where)
        sql = f'{row}."{spec.name}"' if owner.name == "Name" else self.org.select_sql(spec, row)
        return Reached(sql, spec, (*proper, spec.name))

    def _targets(self, lookup: FieldSpec) -> list[ObjectSpec]:
        found = (self.org.schema.find(name) for name in lookup.reference_to)
        return [each for each in found if each is not None]

    def _joined(self, path: tuple[str, ...], row: str, lookup: FieldSpec, *, last: bool) -> tuple[str, ObjectSpec]:
        known = self._joins.get(path)
        if known:
            return known
        alias = f"{self.row}_{len(self._joins) + 1}"
        targets = self._targets(lookup)
        if len(targets) == 1:
            owner, table = targets[0], f'"{targets[0].name}"'
        else:
            owner, table = _name_object(targets), f"({' union all '.join(self._names_of(each) for each in targets)})"
            if not last:
                raise _no_relationship(path[-1], "")
        key = self.org.select_sql(lookup, row)
        self._join_sql.append(f'left join {table} as {alias} on {alias}."Id" = {key}')
        self._joins[path] = (alias, owner)
        return alias, owner

    def _names_of(self, target: ObjectSpec) -> str:
        """What every object can tell of a row to which a polymorphic lookup points."""
        name_field = next((spec for spec in target.fields.values() if spec.name_field), None)
        cells = [f"'{target.name}' as \"Type\"", 'named."Id"']
        for name in _NAME_FIELDS:
            spec = name_field if name == "Name" else target.find(name)
            sql = "null" if spec is None else self.org.select_sql(spec, "named")
            cells.append(f'cast({sql} as varchar) as "{name}"')
        return f'select {", ".join(cells)} from "{target.name}" as named'


def _name_object(targets: list[ObjectSpec]) -> ObjectSpec:
    fields = {name: FieldSpec(name, "string", name, length=255) for name in ("Type", *_NAME_FIELDS)}
    return ObjectSpec("Name", "", "Name", "Names", {"Id": targets[0].fields["Id"], **fields})


def _no_relationship(word: str, where: str) -> SalesforceFault:
    return SalesforceFault(
        400,
        "INVALID_FIELD",
        f"{where}Didn't understand relationship '{word}' in field path. If you are attempting to use a custom "
        "relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or "
        "the describe call for the appropriate names.",
    )
