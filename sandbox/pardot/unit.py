"""The business unit: records, clock, settings, limits, and everything else that the calls share."""

import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.clock import Clock
from sandbox.faults import FaultBoard
from sandbox.journal import Journal
from sandbox.keeping import Keeper
from sandbox.pardot.errors import PardotFault, not_found
from sandbox.pardot.kinds import CUSTOM_TYPES, KINDS, Kind, Type
from sandbox.pardot.limits import Limits

Record = dict[str, Any]


@dataclass(slots=True)
class Settings:
    """How the unit behaves where units differ.

    `user_zone`: the zone of the API user, in which stamps are told. `cache_s`: for so long the same GET gives the same
    answer. `chain_cap`: most records of one chain of pages. `same_email_allowed`: AMPSEA. `create_is_silent`: creates
    answer 204, as for a user who may not read. `latency_s`: how long each call takes. `job_s`: how long imports and
    exports wait. `needed_scope`: of the access token.
    """

    user_zone: str = "America/New_York"
    cache_s: float = 0.0
    chain_cap: int = 100_000
    token_life_s: float = 14_400.0
    same_email_allowed: bool = True
    create_is_silent: bool = False
    latency_s: float = 0.0
    job_s: float = 2.0
    needed_scope: str = "pardot_api"


class Unit:
    """One business unit over one folder. Not for several threads: all calls are served in one event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keeper = Keeper(folder)
        self.business_unit_id = _business_unit_id(folder)
        self.clock = Clock()
        self.settings = Settings()
        self.faults = FaultBoard()
        self.journal = Journal()
        self.limits = Limits(self.clock)
        self.records: dict[str, dict[int, Record]] = {name: {} for name in KINDS}
        for name in KINDS:
            self.records[name] = {int(identity): body for identity, body in self.keeper.all(name)}
        self.by_email: dict[str, set[int]] = {}
        for record in self.records["prospects"].values():
            self._index(record)

    def now(self) -> int:
        """Seconds since 1970."""
        return self.clock.now_ms() // 1000

    def kind(self, name: str) -> Kind:
        if name not in KINDS:
            raise not_found(f"collection {name}")
        return KINDS[name]

    def fields(self, kind: Kind) -> dict[str, Type]:
        """With the custom ones."""
        if kind.name != "prospects":
            return kind.fields
        return kind.fields | {custom_name(each): CUSTOM_TYPES[each["type"]] for each in self.custom_fields()}

    def custom_fields(self) -> list[Record]:
        return list(self.records["custom-fields"].values())

    def put(self, kind: str, record: Record) -> Record:
        old = self.records[kind].get(record["id"])
        self.records[kind][record["id"]] = record
        self.keeper.put(kind, str(record["id"]), record)
        if kind == "prospects":
            self._unindex(old)
            self._index(record)
        return record

    def drop(self, kind: str, record_id: int) -> None:
        old = self.records[kind].pop(record_id, None)
        self.keeper.drop(kind, str(record_id))
        if kind == "prospects":
            self._unindex(old)

    def next_id(self, kind: str) -> int:
        return max(self.records[kind], default=1000) + 1

    def found(self, kind: str, record_id: str) -> Record:
        """By id. Raises the 404."""
        record = self.records[kind].get(int(record_id)) if record_id.isdigit() else None
        if record is None:
            raise not_found(f"{kind} {record_id}")
        return record

    def of_email(self, email: str, *, deleted: bool = False) -> list[Record]:
        """Living (or deleted) prospects of an address, the one last active first."""
        found = [self.records["prospects"][each] for each in self.by_email.get(email.strip().lower(), ())]
        some = [each for each in found if bool(each.get("isDeleted")) is deleted]
        return sorted(
            some, key=lambda each: (each.get("lastActivityAt") or each["updatedAt"], each["id"]), reverse=True
        )

    def told(self, stamp: int) -> str:
        """A stamp in the API user's zone: `2026-01-02T03:04:05-05:00`."""
        return datetime.fromtimestamp(stamp, ZoneInfo(self.settings.user_zone)).isoformat()

    def close(self) -> None:
        self.keeper.close()

    def _index(self, record: Record) -> None:
        if email := record.get("email"):
            self.by_email.setdefault(email.lower(), set()).add(record["id"])

    def _unindex(self, record: Record | None) -> None:
        if record is not None and (email := record.get("email")):
            self.by_email.get(email.lower(), set()).discard(record["id"])


def custom_name(record: Record) -> str:
    """The API's name of a custom field."""
    return str(record["fieldId"]).removesuffix("__c") + "__c"


def parse_stamp(text: str) -> int:
    """Seconds since 1970 of ISO 8601 with an offset. Raises PardotFault."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise PardotFault(71, f"{text!r} is no date-time") from error
    if moment.tzinfo is None:
        raise PardotFault(71, f"{text!r} carries no offset")
    return int(moment.astimezone(UTC).timestamp())


def _business_unit_id(folder: Path) -> str:
    path = folder / "credentials.json"
    if not path.exists():
        made = "0Uv" + secrets.token_hex(6).upper() + "AAA"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"business_unit_id": made}, file, indent=1)
    return str(json.loads(path.read_text(encoding="utf-8"))["business_unit_id"])
