"""Changes of prospects: a call each, a few at once, and for each the platform's own word on it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from threading import Event

from crm_patterns.clients.pardot import wire
from crm_patterns.clients.pardot.api import PardotApi, read_json
from crm_patterns.clients.pardot.errors import Conflicting, Missing, Refused
from crm_patterns.clients.pardot.wire import PROSPECTS
from crm_patterns.clients.retrying import Unanswered
from crm_patterns.clients.transport import Reply
from crm_patterns.core.changes import Action, Change
from crm_patterns.core.errors import FixSettings, IntegrationError, OutOfBudget, RetryLater, StopRun
from crm_patterns.core.ports import Answer, WriteAnswer
from crm_patterns.core.targets import TargetDescription

BATCH = 100
"""Changes that are settled together: what has to be looked for again after a crash is no more than this."""

Told = WriteAnswer | IntegrationError


class Writer:
    """Writes to prospects, whose description is known."""

    def __init__(self, api: PardotApi, about: TargetDescription) -> None:
        self._api = api
        self._about = about
        self._stopped = Event()

    def apply(self, action: Action, batch: Sequence[Change]) -> list[WriteAnswer]:
        """As `Sink.apply`. Where nothing was written and the same stopped all of them, it is raised."""
        if len(batch) > BATCH:
            raise StopRun(f"{BATCH} prospects are written together, not {len(batch)}.")
        self._stopped.clear()
        groups: dict[str, list[Change]] = {}
        for change in batch:
            # Two creates of one address at the same time would make two prospects.
            groups.setdefault(str(change.wanted.get("email") or change.key).lower(), []).append(change)
        told = self._api.side_by_side(lambda some: [(c, self._told(action, c)) for c in some], groups.values())
        answers = [pair for some in told for pair in some]
        errors = [answer for _, answer in answers if isinstance(answer, IntegrationError)]
        if errors and len(errors) == len(answers):
            raise errors[0]
        return [
            _later(change, answer) if isinstance(answer, IntegrationError) else answer for change, answer in answers
        ]

    def _told(self, action: Action, change: Change) -> Told:
        """Errors that are about more than this record are returned: what the others were answered must not be lost."""
        if self._stopped.is_set():
            return RetryLater("It was not sent: an earlier one of the batch could not be.")
        try:
            match action:
                case Action.CREATE:
                    return self._create(change)
                case Action.UPDATE:
                    return self._update(change)
            return self._delete(change)
        except Unanswered as error:
            return WriteAnswer(change.change_id, Answer.UNKNOWN, reason=error.problem)
        except Conflicting as error:
            return _later(change, error)
        except Refused as error:
            return self._refusal(change, error)
        except (RetryLater, OutOfBudget, FixSettings, StopRun) as error:
            self._stopped.set()
            return error

    def _create(self, change: Change) -> WriteAnswer:
        """
        An upsert by address: the only create that carried out twice leaves one prospect.

        One in the recycle bin comes back: what it had opted out of must not be forgotten with it.
        """
        email = str(change.wanted.get("email") or "").strip()
        if not email:
            reason = "A prospect is created by its e-mail address, and it has none."
            return WriteAnswer(change.change_id, Answer.REJECTED, reason=reason, rule="NO_EMAIL", field_name="email")
        body = {
            "matchEmail": email,
            "prospect": self._values(change),
            "fields": ["id", "createdAt", "updatedAt"],
            "secondaryDeletedSearch": True,
        }
        reply = self._api.change("POST", f"{PROSPECTS}/do/upsertLatestByEmail", "a new prospect", body)
        told = read_json(reply)
        record_id = str(told.get("id") or "") or _located(reply)
        if not record_id:
            reason = "It was created, but this user may not read it; look for it by its address."
            return WriteAnswer(change.change_id, Answer.UNKNOWN, reason=reason)
        created = reply.status in (201, 204) and told.get("createdAt") == told.get("updatedAt")
        return WriteAnswer(change.change_id, Answer.ACCEPTED, record_id, created)

    def _update(self, change: Change) -> WriteAnswer:
        path, about = f"{PROSPECTS}/{change.record_id}", f"prospect {change.record_id}"
        self._api.change("PATCH", path, about, self._values(change), params={"fields": "id"})
        return WriteAnswer(change.change_id, Answer.ACCEPTED, change.record_id)

    def _delete(self, change: Change) -> WriteAnswer:
        """Into the recycle bin. What is not there is as good as deleted."""
        with suppress(Missing):
            self._api.change("DELETE", f"{PROSPECTS}/{change.record_id}", f"prospect {change.record_id}")
        return WriteAnswer(change.change_id, Answer.ACCEPTED, change.record_id)

    def _values(self, change: Change) -> dict[str, object]:
        known = self._about.by_name
        return {name: wire.write_value(value, known.get(name.lower())) for name, value in change.wanted.items()}

    def _refusal(self, change: Change, error: Refused) -> WriteAnswer:
        """Account Engagement names the field in its sentence only; where it is exactly one of ours, it is told."""
        text = error.told.text
        named = [name for name in change.wanted if name in text.replace(",", " ").replace(":", " ").split()]
        return WriteAnswer(
            change.change_id,
            Answer.REJECTED,
            reason=error.problem,
            rule=str(error.told.code or "refused"),
            field_name=named[0] if len(named) == 1 else "",
        )


def _located(reply: Reply) -> str:
    """The id at the end of a Location header."""
    last = reply.headers.get("location", "").rstrip("/").rpartition("/")[2]
    return last if last.isdigit() else ""


def _later(change: Change, error: IntegrationError) -> WriteAnswer:
    return WriteAnswer(change.change_id, Answer.LATER, reason=error.problem)
