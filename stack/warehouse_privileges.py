"""What roles of the local warehouse may not do.

A role may do everything until a REVOKE takes a privilege away, as though every object were another role's and all had
been granted. What is revoked outlives the server. A refusal has the code, the state and the words of Snowflake's own.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from stack.files import read_json, write_json

PARTS = {"DATABASE": 1, "SCHEMA": 2, "TABLE": 3}
WRITES: dict[type[exp.Expr], str] = {
    exp.Insert: "INSERT", exp.Copy: "INSERT", exp.Update: "UPDATE", exp.Delete: "DELETE",
    exp.TruncateTable: "TRUNCATE", exp.Alter: "OWNERSHIP", exp.Drop: "OWNERSHIP",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Session:
    """Who asks, and what an unqualified name means to them."""

    role: str
    database: str
    schema: str


@dataclass(frozen=True, slots=True)
class Right:
    """A privilege on the database, schema or table of that full name."""

    privilege: str
    kind: str
    name: tuple[str, ...]


class Refused(Exception):
    """The role lacks a privilege, or the statement is not one that can be kept here."""

    def __init__(self, code: str, state: str, message: str) -> None:
        super().__init__(message)
        self.code, self.state, self.message = code, state, message


class Privileges:
    """The rights that were revoked, by role, kept in `file`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        kept = read_json(file).get("revoked", {})
        self.revoked = {
            role: {Right(right["privilege"], right["kind"], tuple(right["name"])) for right in rights}
            for role, rights in kept.items()
        }

    def check(self, statement: str, session: Session) -> None:
        """Raise Refused where the session's role lacks what the statement needs."""
        revoked = self.revoked.get(session.role)
        if not revoked:
            return
        try:
            asked = sqlglot.parse_one(statement, read="snowflake")
        except ParseError:
            return  # fakesnow will say what is wrong with it
        for right in needed(asked, session):
            if right in revoked:
                raise _refusal(right)

    def change(self, statement: str, session: Session) -> None:
        """Obey a GRANT or REVOKE. Refused where a role would give itself back what it lost, and for other REVOKEs."""
        asked = sqlglot.parse_one(statement, read="snowflake")
        takes = isinstance(asked, exp.Revoke)
        rights = set(_granted(asked, session)) if isinstance(asked, exp.Grant | exp.Revoke) else set()
        if not rights:
            if statement.lstrip()[:6].lower() == "revoke":
                raise Refused(
                    "261000", "0A000", "The local warehouse keeps REVOKE … ON DATABASE, SCHEMA or TABLE only."
                )
            return  # whatever it grants is granted already
        for principal in asked.args["principals"]:
            role = _text(principal.this)
            present = self.revoked.get(role, set())
            if role == session.role and not takes and rights & present:
                raise _refusal(next(iter(rights & present)))
            self.revoked[role] = present | rights if takes else present - rights
        write_json(self.file, {"revoked": {role: [asdict(r) for r in rights] for role, rights in self.revoked.items()}})


def needed(statement: exp.Expr, session: Session) -> Iterator[Right]:
    """The rights that a statement needs, the way to its objects first."""
    target = _target(statement)
    creates = statement.args.get("kind") if isinstance(statement, exp.Create) else None
    if target is not None and not target.name:  # a schema is the `db` of a table without a name
        if creates:
            yield Right("CREATE SCHEMA", "DATABASE", (_text(target.args.get("catalog")) or session.database,))
        return
    for table in statement.find_all(exp.Table):
        if table.name.startswith("@"):
            continue
        name = _full_name(table, session)
        yield Right("USAGE", "DATABASE", name[:1])
        yield Right("USAGE", "SCHEMA", name[:2])
        if table is not target:
            yield Right("SELECT", "TABLE", name)
        elif creates:
            yield Right(f"CREATE {creates}", "SCHEMA", name[:2])
        else:
            yield from (Right(privilege, "TABLE", name) for privilege in _on_target(statement))


def _target(statement: exp.Expr) -> exp.Table | None:
    """The table that a statement is about rather than reads from."""
    if not isinstance(statement, (*WRITES, exp.Merge, exp.Create, exp.Describe)):
        return None
    return (statement.this if isinstance(statement.this, exp.Expr) else statement).find(exp.Table)


def _on_target(statement: exp.Expr) -> list[str]:
    if isinstance(statement, exp.Merge):
        done = [when.args["then"] for when in statement.find_all(exp.When)]
        return ["SELECT", *sorted({WRITES.get(type(what), "DELETE") for what in done})]
    return [WRITES[type(statement)]] if type(statement) in WRITES else []


def _granted(asked: exp.Expr, session: Session) -> Iterator[Right]:
    kind = str(asked.args.get("kind") or "TABLE").upper()
    if kind in PARTS:
        name = _full_name(asked.args["securable"], session, parts=PARTS[kind])
        for privilege in asked.args["privileges"]:
            yield Right(privilege.name.upper(), kind, name)


def _full_name(table: exp.Expr, session: Session, *, parts: int = 3) -> tuple[str, ...]:
    given = [_text(part) for part in table.parts] if isinstance(table, exp.Table) else []
    return (*(session.database, session.schema)[: parts - len(given)], *given)


def _text(name: exp.Expr | None) -> str:
    if name is None:
        return ""
    return name.name if name.args.get("quoted") else name.name.upper()


def _refusal(right: Right) -> Refused:
    name = ".".join(right.name)
    if right.privilege == "USAGE":
        kind = right.kind.capitalize()
        return Refused("002003", "02000", f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized.")
    operate = f"Insufficient privileges to operate on {right.kind.lower()} '{right.name[-1]}'"
    return Refused("003001", "42501", f"SQL access control error:\n{operate}")
