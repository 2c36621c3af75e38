"""Let the org live on for a moment: people create, edit, move stages, close, delete, restore and merge.

All of it goes through the same writing code as a client's calls, so history, roll-ups, cascades and the delete log
follow, stamped at the org's clock. The n-th tick of an org draws the same lots whenever it comes.
"""

from collections import Counter
from datetime import date, timedelta
from random import Random
from typing import Any

import yaml

from sandbox.salesforce.populate import FOLDER, SHARES
from sandbox.salesforce.removals import Removal
from sandbox.salesforce.store import Org
from sandbox.salesforce.writes import Outcome, Writer, transaction

MIX = {
    "edited": 30,
    "stage_moved": 25,
    "created": 25,
    "closed": 10,
    "deleted": 6,
    "restored": 2,
    "merged": 2,
}
"""Of a hundred changes, how many are of which kind. Every tick has at least one stage move."""

OPEN_STAGES = ("Prospecting", "Qualification", "Needs Analysis", "Value Proposition", "Id. Decision Makers",
               "Perception Analysis", "Proposal/Price Quote", "Negotiation/Review")  # fmt: skip
_CREATED = ("Lead", "Contact", "Task", "Event", "Opportunity", "Account", "EmailMessage", "Subscription__c")
_EDITED = ("Account", "Contact", "Lead", "Opportunity", "Task", "Subscription__c")
_DELETED = ("Lead", "Contact", "Task", "Opportunity")
_MERGED = ("Account", "Contact", "Lead")


def tick(org: Org, count: int = 1) -> dict[str, int]:
    """About `count` changes; returns how many of each kind were carried out, and how many the org refused."""
    return _Moment(org).live(count)


class _Moment:
    def __init__(self, org: Org) -> None:
        self.org = org
        with org.lock, org.cursor() as cursor:
            cursor.execute("create sequence if not exists sandbox.tick")
            row = cursor.execute("select nextval('sandbox.tick')").fetchone()
        seed = (org.population or {}).get("seed", 0)
        self.lots = Random(f"{seed}/{row[0] if row else 0}")
        self.words: dict[str, list[str]] = yaml.safe_load((FOLDER / "words.yaml").read_text(encoding="utf-8"))
        self.done: Counter[str] = Counter()

    def live(self, count: int) -> dict[str, int]:
        kinds = Counter(self.lots.choices(list(MIX), weights=list(MIX.values()), k=count - 1))
        kinds["stage_moved"] += 1
        actions = {
            "created": self._create,
            "edited": self._edit,
            "stage_moved": self._move_stages,
            "closed": self._close,
            "deleted": self._delete,
            "restored": self._restore,
            "merged": self._merge,
        }
        for kind, act in actions.items():
            if kinds[kind]:
                act(kinds[kind])
        return {kind: self.done[kind] for kind in (*actions, "refused")}

    # --- kinds of change ----------------------------------------------------------------------------------------------

    def _create(self, count: int) -> None:
        for name, share in self._shared(_CREATED, count).items():
            records = [self._new(name) for _ in range(share)]
            self._tell("created", Writer(self.org, object_name=name, user_id=self._user()).insert(records))

    def _edit(self, count: int) -> None:
        for name, share in self._shared(_EDITED, count).items():
            records = [{"Id": record_id, **self._edits(name)} for record_id in self._some(name, share)]
            self._update("edited", name, records)

    def _move_stages(self, count: int) -> None:
        ids = self._some("Opportunity", count, where="\"StageName\" not like 'Closed%'")
        moves = []
        for record_id in ids:
            move: dict[str, Any] = {"Id": record_id, "StageName": self.lots.choice(OPEN_STAGES)}
            if self.lots.random() < 0.3:
                move["CloseDate"] = (self._today() + timedelta(days=self.lots.randint(5, 120))).isoformat()
            if self.lots.random() < 0.3:
                move["Amount"] = self._money()
            moves.append(move)
        self._update("stage_moved", "Opportunity", moves)

    def _close(self, count: int) -> None:
        ids = self._some("Opportunity", count, where="\"StageName\" not like 'Closed%'")
        today = self._today().isoformat()
        closed = [
            {"Id": record_id, "StageName": self.lots.choice(["Closed Won", "Closed Lost"]), "CloseDate": today}
            for record_id in ids
        ]
        self._update("closed", "Opportunity", closed)

    def _delete(self, count: int) -> None:
        writer = Writer(self.org, object_name=None, user_id=self._user())
        for name, share in self._shared(_DELETED, count).items():
            self._tell("deleted", writer.delete(self._some(name, share)))

    def _restore(self, count: int) -> None:
        for name, share in self._shared(("Lead", "Contact"), count).items():
            in_bin = '"MasterRecordId" is null'
            for record_id in self._some(name, share, where=in_bin, deleted=True):
                with transaction(self.org) as cursor:
                    Removal(self.org, cursor, user_id=self._user()).undelete(record_id)
                self.done["restored"] += 1

    def _merge(self, count: int) -> None:
        for name, share in self._shared(_MERGED, count).items():
            ids = self._some(name, share * 2)
            for winner, loser in zip(ids[::2], ids[1::2], strict=False):
                with transaction(self.org) as cursor:
                    Removal(self.org, cursor, user_id=self._user()).merge(winner, [loser])
                self.done["merged"] += 1

    # --- values -------------------------------------------------------------------------------------------------------

    def _new(self, name: str) -> dict[str, Any]:
        word, today = self._word, self._today()
        now = self.org.now().isoformat()
        match name:
            case "Account":
                return {"Name": f"{word('companies')} {word('company_kinds')}", "BillingCity": word("cities")}
            case "Contact":
                return {
                    "LastName": word("last_names"),
                    "FirstName": word("first_names"),
                    "AccountId": self._one("Account"),
                }
            case "Lead":
                return {"LastName": word("last_names"), "Company": word("companies"), "Status": "Open - Not Contacted"}
            case "Opportunity":
                closes = (today + timedelta(days=self.lots.randint(20, 200))).isoformat()
                about = {"Name": f"{word('companies')} - {word('products')}", "AccountId": self._one("Account")}
                return {**about, "StageName": "Prospecting", "CloseDate": closes, "Amount": self._money()}
            case "Event":
                return {
                    "Subject": "Meeting",
                    "DurationInMinutes": 30,
                    "ActivityDateTime": now,
                    "WhoId": self._one("Contact"),
                }
            case "EmailMessage":
                about = {"Subject": word("subjects"), "TextBody": word("sentences"), "Status": "3", "MessageDate": now}
                return {**about, "Incoming": False, "RelatedToId": self._one("Opportunity")}
            case "Subscription__c":
                renewal = (today + timedelta(days=365)).isoformat()
                key = f"EXT-T{self.lots.randrange(10**9):09d}"
                return {"Account__c": self._one("Account"), "External_Id__c": key, "Renewal_Date__c": renewal}
        return {
            "Subject": word("subjects"),
            "Status": "Not Started",
            "Priority": "Normal",
            "WhatId": self._one("Opportunity"),
        }

    def _edits(self, name: str) -> dict[str, Any]:
        choices: dict[str, dict[str, Any]] = {
            "Account": {"Phone": f"+1 555 {self.lots.randint(1000000, 9999999)}", "Site": self._word("odd_texts")},
            "Contact": {"Title": self._word("titles"), "Department": self._word("departments")},
            "Lead": {"Rating": self.lots.choice(["Hot", "Warm", "Cold", None]), "Title": self._word("titles")},
            "Opportunity": {"NextStep": self._word("sentences"), "Amount": self._money()},
            "Task": {"Status": "Completed", "Description": self._word("sentences")},
            "Subscription__c": {"Seats__c": self.lots.randint(1, 900), "Notes__c": self._word("odd_texts")},
        }
        edits = choices[name]
        return edits if self.lots.random() < 0.5 else dict([self.lots.choice(list(edits.items()))])

    def _word(self, kind: str) -> str:
        return self.lots.choice(self.words[kind])

    def _money(self) -> float:
        return round(self.lots.lognormvariate(9, 1.2), 2)

    def _today(self) -> date:
        return self.org.now().date()

    # --- records ------------------------------------------------------------------------------------------------------

    def _shared(self, names: tuple[str, ...], count: int) -> Counter[str]:
        weights = [SHARES.get(name, 1.0) for name in names]
        return Counter(self.lots.choices(names, weights=weights, k=count))

    def _some(self, name: str, count: int, *, where: str = "true", deleted: bool = False) -> list[str]:
        """Ids of up to `count` records, drawn by lot."""
        sql = (
            f'select "Id" from "{name}" where {"" if deleted else "not "}"IsDeleted" and ({where}) '
            'order by hash("Id", ?), "Id" limit ?'
        )
        with self.org.cursor() as cursor:
            return [row[0] for row in cursor.execute(sql, [self.lots.randrange(2**31), count]).fetchall()]

    def _one(self, name: str) -> str | None:
        return next(iter(self._some(name, 1)), None)

    def _user(self) -> str:
        with self.org.cursor() as cursor:
            rows = cursor.execute('select "Id" from "User" where "IsActive" order by "Id"').fetchall()
        return str(self.lots.choice(rows)[0])

    def _update(self, kind: str, name: str, records: list[dict[str, Any]]) -> None:
        if records:
            self._tell(kind, Writer(self.org, object_name=name, user_id=self._user()).update(records))

    def _tell(self, kind: str, outcomes: list[Outcome]) -> None:
        refused = sum(bool(outcome.errors) for outcome in outcomes)
        self.done[kind] += len(outcomes) - refused
        self.done["refused"] += refused
