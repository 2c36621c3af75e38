"""Changes of prospects and list memberships: checked, stamped, kept."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from sandbox.faults import Fault
from sandbox.pardot.errors import PardotFault
from sandbox.pardot.kinds import KINDS, LONGEST, LONGEST_CUSTOM, Type
from sandbox.pardot.unit import Record, Unit, custom_name

_EMAIL = re.compile(r"^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+$")


class RowFault(Fault):
    """Records that are refused although nothing is wrong with them.

    `operation` is create, update, upsert or delete (empty: any); `property` and `matches` (a regular expression on the
    value sent) narrow it to some records.
    """

    kind: Literal["row_failure"]
    operation: str = ""
    code: int = 62
    status: int = 400
    property: str = ""
    matches: str = ""

    def hits(self, operation: str, values: Mapping[str, Any]) -> bool:
        """Whether this change is meant."""
        if self.operation not in ("", operation):
            return False
        return not self.property or re.search(self.matches, str(values.get(self.property) or "")) is not None


class Writer:
    """Everything raises PardotFault where it is refused."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.kind = KINDS["prospects"]

    def create(self, values: Mapping[str, Any], *, operation: str = "create") -> Record:
        stored = self.checked(values, operation=operation)
        if not stored.get("email"):
            raise PardotFault(85, "email is required")
        if not self.unit.settings.same_email_allowed and self.unit.of_email(stored["email"]):
            raise PardotFault(9, f"email {stored['email']}")
        for each in self.unit.custom_fields():
            if each.get("isRequired") and stored.get(custom_name(each)) in (None, ""):
                raise PardotFault(85, f"{custom_name(each)} is required")
        now = self.unit.now()
        first_campaign = min(self.unit.records["campaigns"], default=None)
        record = {"campaignId": first_campaign, "score": 0, **stored}
        record |= {"id": self.unit.next_id("prospects"), "createdAt": now, "updatedAt": now, "isDeleted": False}
        return self.unit.put("prospects", record)

    def update(self, record: Record, values: Mapping[str, Any], *, operation: str = "update") -> Record:
        if record.get("isDeleted"):
            raise PardotFault(109, f"prospect {record['id']} is in the recycle bin", status=404)
        stored = self.checked(values, operation=operation)
        if "email" in stored and not stored["email"]:
            raise PardotFault(85, "email is required")
        return self.unit.put("prospects", {**record, **stored, "updatedAt": self.unit.now()})

    def upsert(self, email: str, values: Mapping[str, Any], *, look_in_bin: bool) -> tuple[Record, bool]:
        """(the record, whether it was made)."""
        if not _EMAIL.match(email):
            raise PardotFault(85, "matchEmail is not an e-mail address")
        if living := self.unit.of_email(email):
            return self.update(living[0], values, operation="upsert"), False
        if look_in_bin and (deleted := self.unit.of_email(email, deleted=True)):
            return self.update(self.undelete(deleted[0]), values, operation="upsert"), False
        return self.create({"email": email, **values}, operation="upsert"), True

    def delete(self, record: Record) -> None:
        fault = self.unit.faults.take(RowFault, lambda each: each.hits("delete", record))
        if fault is not None:
            raise PardotFault(fault.code, status=fault.status)
        if record.get("isDeleted"):
            raise PardotFault(109, f"prospect {record['id']}", status=404)
        self.unit.put("prospects", {**record, "isDeleted": True, "updatedAt": self.unit.now()})

    def undelete(self, record: Record) -> Record:
        return self.unit.put("prospects", {**record, "isDeleted": False, "updatedAt": self.unit.now()})

    def checked(self, values: Mapping[str, Any], *, operation: str) -> Record:
        """What would be stored."""
        fault = self.unit.faults.take(RowFault, lambda each: each.hits(operation, values))
        if fault is not None:
            raise PardotFault(fault.code, status=fault.status)
        fields = self.unit.fields(self.kind)
        lengths = {custom_name(each): LONGEST_CUSTOM.get(each["type"], LONGEST) for each in self.unit.custom_fields()}
        stored = {}
        for name, value in values.items():
            if name not in fields:
                raise PardotFault(71, f"{name} is not a field of prospects")
            if name in self.kind.read_only:
                raise PardotFault(85, f"{name} is read-only")
            stored[name] = _stored(name, value, fields[name], lengths.get(name, LONGEST))
        if "email" in stored and stored["email"] and not _EMAIL.match(stored["email"]):
            raise PardotFault(85, "email is not an e-mail address")
        if stored.get("campaignId") and stored["campaignId"] not in self.unit.records["campaigns"]:
            raise PardotFault(85, f"campaignId {stored['campaignId']}")
        return stored


def _stored(name: str, value: Any, kind: Type, longest: int) -> Any:
    if value is None or value == "":
        return None if kind != "boolean" else False
    if kind == "string":
        if not isinstance(value, str) or len(value) > longest:
            raise PardotFault(85, f"{name} is no text of at most {longest} characters")
        return value
    try:
        return _read(value, kind)
    except (KeyError, ValueError, TypeError) as error:
        raise PardotFault(85, f"{name}: {value!r} is no {kind}") from error


def _read(value: Any, kind: Type) -> Any:
    match kind:
        case "boolean":
            words = {"true": True, "false": False, "1": True, "0": False}
            return value if isinstance(value, bool) else words[str(value).lower()]
        case "integer":
            return int(value)
        case "number":
            number = float(value)
            return int(number) if number == int(number) else number
        case "date":
            return date.fromisoformat(str(value)).isoformat()
    return [str(each) for each in value] if isinstance(value, list) else str(value).split(";")
