"""
What every `core.ports.Sink` must do, whichever system it writes to.

A vendor's test module subclasses `SinkSuite` and gives two fixtures, whose server may be shared by the whole session:

* `world`: a `SinkWorld`, calm (no fault in force) at the start of each test. It knows the vendor's names for one object
  of people, puts records there without the client under test, says what is held, and makes trouble;
* `sink`: a new client of that world, closed afterwards.

Records are made by the suite with values that are its own, so that nothing has to be cleared between tests; a world
whose object needs more fields than `text_field` adds them itself (`new`). What a vendor cannot do is said by the world
as data (`merges`, `tells_deleted`, …) and skips the test, with the reason. Whatever is special to a vendor is tested in
its own module beside this suite: see `tests/conformance/hubspot` and `tests/conformance/salesforce_sink`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy.engine import URL

from crm_patterns.core.changes import Action, Change, ChangeSet, Fate, FieldChange
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.ports import Answer, RunKey, Sink, WriteAnswer
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.values import Value
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.apply import ApplyOrder, apply

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Names:
    """
    The vendor's names of one object and of fields of it.

    `text`: plain text that can be cleared. `mail`: the address. `key`: a field by which a create is an upsert, empty
    where there is none. `choice`: a restricted picklist, with a value it knows and one that it does not; where the
    target does not tell its picklists (`restricted` False), any field with a value that it refuses.
    """

    system: str
    object_name: str
    text: str
    mail: str
    key: str
    choice: str
    good_choice: str
    bad_choice: str
    unknown_id: str
    restricted: bool = True


class SinkWorld(Protocol):
    """One running target, beside the client under test."""

    names: Names
    merges: bool  # records can be merged there
    tells_deleted: bool  # `read_window` tells of deleted records, and `read_records` knows them
    changes_window: timedelta  # the least step in which its stamps differ

    def now(self) -> datetime: ...

    def new(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        """With what a record needs besides."""

    def put(self, records: Sequence[Mapping[str, Value]], *, at: datetime | None = None) -> list[str]:
        """Records that were made at that moment (now) and that every way of reading knows; their ids."""

    def remove(self, ids: Sequence[str]) -> None: ...

    def merge(self, winner: str, loser: str) -> None: ...

    def held(self, record_id: str) -> Mapping[str, Value]:
        """Values as the target holds them, without blanks; texts may stand for other kinds."""

    def holders(self, field_name: str, value: str) -> list[str]:
        """Ids of the living records that hold the value."""

    def lose_answer(self, action: Action) -> None:
        """The next write of this kind is carried out and its answer is lost."""

    def lock(self, value: str) -> None:
        """A record whose `text` is to become this is locked: refused for now, though nothing is wrong with it."""

    def writes(self) -> int:
        """How many calls that write have been made since the test began."""


class SinkSuite:
    """All of it."""

    # --- what there is ------------------------------------------------------------------------------------------------

    def test_an_object_is_described_as_it_may_be_written(self, world: SinkWorld, sink: Sink) -> None:
        names = world.names
        known = sink.describe_target(names.object_name).by_name

        assert known[names.choice.lower()].values_restricted == names.restricted
        assert (names.good_choice in known[names.choice.lower()].values) == names.restricted
        assert names.bad_choice not in known[names.choice.lower()].values
        assert known[names.text.lower()].updatable
        assert not names.key or known[names.key.lower()].unique

    def test_an_object_or_a_field_that_is_not_there_is_a_setting_to_fix(self, world: SinkWorld, sink: Sink) -> None:
        with pytest.raises(FixSettings, match="no_such_object"):
            sink.describe_target("no_such_object")
        with pytest.raises(FixSettings, match="no_such_field"):
            sink.read_records(world.names.object_name, ["no_such_field"], [world.names.unknown_id])

    # --- reading ------------------------------------------------------------------------------------------------------

    def test_records_are_read_by_the_id_that_was_asked_for(self, world: SinkWorld, sink: Sink) -> None:
        names = world.names
        ids = world.put([world.new({names.text: f"By id {n}"}) for n in range(230)])

        found = sink.read_records(names.object_name, [names.text, names.mail], [*ids, ids[0], names.unknown_id])

        assert {i: dict(record.values) for i, record in found.items()} == {
            i: {names.text: f"By id {n}"} for n, i in enumerate(ids)
        }
        assert all(record.modified_at and record.modified_at.tzinfo for record in found.values())

    def test_the_holders_of_a_value_are_found_whatever_its_case(self, world: SinkWorld, sink: Sink) -> None:
        names, tag = world.names, _tag()
        [one] = world.put([world.new({names.mail: f"{tag}@find.example", names.text: "One"})])

        asked = [f"{tag}@FIND.example", f"no{tag}@find.example"]
        found = sink.find(names.object_name, names.mail, asked, fields=[names.text])

        assert {value: [(h.record_id, h.values) for h in held] for value, held in found.items()} == {
            asked[0]: [(one, {names.text: "One"})]
        }

    def test_values_full_of_quotes_are_only_values(self, world: SinkWorld, sink: Sink) -> None:
        names, tag = world.names, _tag()
        odd = f"{tag} O'Neil \\ \"x\" %_ ') OR Name != ''"
        [one] = world.put([world.new({names.text: odd})])

        found = sink.find(names.object_name, names.text, [odd], fields=[names.text])

        assert [h.record_id for h in found[odd]] == [one]

    def test_a_window_is_half_open_and_ties_are_all_in_it(self, world: SinkWorld, sink: Sink) -> None:
        names, step = world.names, world.changes_window
        start = datetime(2021, 1, 1, tzinfo=UTC)
        world.put([world.new({names.text: "before"})], at=start - step)
        tied = world.put([world.new({names.text: f"tied {n}"}) for n in range(240)], at=start)
        last = world.put([world.new({names.text: "last"})], at=start + 9 * step)
        world.put([world.new({names.text: "after"})], at=start + 10 * step)

        found = _read(sink, names, start, start + 10 * step)

        assert sorted(found) == sorted([*tied, *last])
        assert found[last[0]].values == {names.text: "last"}
        assert {found[i].modified_at for i in tied} == {start}

    def test_a_deleted_record_is_told_and_is_not_found(self, world: SinkWorld, sink: Sink) -> None:
        names, tag = world.names, _tag()
        [gone] = world.put([world.new({names.mail: f"{tag}@gone.example"})])
        start = world.now() - timedelta(seconds=2)
        world.remove([gone])

        by_id = sink.read_records(names.object_name, [names.mail], [gone])
        by_mail = sink.find(names.object_name, names.mail, [f"{tag}@gone.example"], fields=[names.mail])

        assert not by_mail
        assert all(record.is_deleted for record in by_id.values())
        if world.tells_deleted:
            assert gone in by_id
            assert _read(sink, names, start, world.now() + timedelta(seconds=2))[gone].is_deleted

    def test_a_merged_record_leads_to_the_one_that_is_left(self, world: SinkWorld, sink: Sink) -> None:
        if not world.merges:
            pytest.skip("nothing is merged there")
        names = world.names
        winner, loser = world.put([world.new({names.text: "Winner"}), world.new({names.text: "Loser"})])
        start = world.now() - timedelta(seconds=2)
        world.merge(winner, loser)

        by_id = sink.read_records(names.object_name, [names.text], [winner, loser])
        changed = _read(sink, names, start, world.now() + timedelta(seconds=2))

        assert (by_id[winner].merged_into, by_id[loser].merged_into) == ("", winner)
        assert (changed[winner].merged_into, changed[loser].merged_into) == ("", winner)

    # --- writing ------------------------------------------------------------------------------------------------------

    def test_of_many_creates_the_bad_ones_are_refused_and_the_others_written(
        self, world: SinkWorld, sink: Sink
    ) -> None:
        names, tag, bad = world.names, _tag(), {17, 140, 249}
        plan = [
            self.create(world, f"k{n}", {names.mail: f"{tag}.{n}@bulk.example", names.choice: _choice(names, n in bad)})
            for n in range(250)
        ]

        answers = _applied(sink, names, Action.CREATE, plan)

        refused = answers[plan[17].change_id]
        accepted = [n for n in range(250) if answers[plan[n].change_id].answer is Answer.ACCEPTED]
        assert accepted == [n for n in range(250) if n not in bad]
        assert (refused.answer, refused.field_name) == (Answer.REJECTED, names.choice)
        assert (names.good_choice in refused.allowed) == names.restricted
        # Answers come in an order of their own: each id must be that of its own record.
        made = sink.read_records(
            names.object_name, [names.mail], [answers[plan[n].change_id].record_id for n in accepted]
        )
        for n in accepted:
            assert made[answers[plan[n].change_id].record_id].values[names.mail] == f"{tag}.{n}@bulk.example"

    def test_a_create_by_a_key_makes_one_record_however_often(self, world: SinkWorld, sink: Sink) -> None:
        names, tag = world.names, _tag()
        if not names.key:
            pytest.skip("nothing is upserted there")
        change = self.create(world, "k", {names.key: f"K-{tag}", names.text: "Once"}, lookup=(names.key, f"K-{tag}"))

        [first] = sink.apply(names.object_name, Action.CREATE, [change])
        [second] = sink.apply(names.object_name, Action.CREATE, [change])

        assert (first.answer, first.created) == (Answer.ACCEPTED, True)
        assert (second.answer, second.created, second.record_id) == (Answer.ACCEPTED, False, first.record_id)
        assert world.holders(names.key, f"K-{tag}") == [first.record_id]

    def test_none_clears_a_value_and_what_is_not_named_stays(self, world: SinkWorld, sink: Sink) -> None:
        names, tag = world.names, _tag()
        [one] = world.put([world.new({names.text: "Lyon", names.mail: f"{tag}@clear.example"})])
        before = world.held(one)

        [answer] = sink.apply(names.object_name, Action.UPDATE, [self.update(world, one, {names.text: None})])

        assert (answer.answer, answer.record_id) == (Answer.ACCEPTED, one)
        assert world.held(one) == {name: value for name, value in before.items() if name != names.text}

    def test_a_lost_answer_is_unknown_and_nothing_is_sent_again(self, world: SinkWorld, sink: Sink) -> None:
        names, tag = world.names, _tag()
        sink.describe_target(names.object_name)
        world.lose_answer(Action.CREATE)
        before = world.writes()

        [answer] = sink.apply(
            names.object_name, Action.CREATE, [self.create(world, "k", {names.mail: f"{tag}@lost.example"})]
        )

        assert answer.answer is Answer.UNKNOWN
        assert len(world.holders(names.mail, f"{tag}@lost.example")) == 1
        assert world.writes() - before == 1

    def test_a_lock_on_one_record_is_for_later_and_the_others_are_written(self, world: SinkWorld, sink: Sink) -> None:
        names, tag = world.names, _tag()
        ids = world.put([world.new({names.text: "Lock"}), world.new({names.text: "Free"})])
        world.lock(f"Pisa {tag}")
        plan = [self.update(world, each, {names.text: f"{city} {tag}"}) for each, city in zip(ids, ("Pisa", "Lund"), strict=True)]  # fmt: skip  # noqa: E501

        answers = _applied(sink, names, Action.UPDATE, plan)

        assert [answers[change.change_id].answer for change in plan] == [Answer.LATER, Answer.ACCEPTED]
        assert [world.held(each)[names.text] for each in ids] == ["Lock", f"Lund {tag}"]

    def test_a_record_that_is_gone_is_refused_alone(self, world: SinkWorld, sink: Sink) -> None:
        names, tag = world.names, _tag()
        [there] = world.put([world.new({names.text: "There"})])
        plan = [self.update(world, each, {names.text: f"Kyiv {tag}"}) for each in (names.unknown_id, there)]

        answers = _applied(sink, names, Action.UPDATE, plan)

        assert [answers[change.change_id].answer for change in plan] == [Answer.REJECTED, Answer.ACCEPTED]
        assert answers[plan[0].change_id].reason

    def test_records_are_deleted(self, world: SinkWorld, sink: Sink) -> None:
        names, tag = world.names, _tag()
        ids = world.put([world.new({names.mail: f"{tag}.{n}@del.example"}) for n in range(2)])
        plan = [Change(names.system, names.object_name, Action.DELETE, each, each) for each in ids]

        answers = _applied(sink, names, Action.DELETE, plan)

        assert {answer.answer for answer in answers.values()} == {Answer.ACCEPTED}
        assert not world.holders(names.mail, f"{tag}.0@del.example")
        assert all(record.is_deleted for record in sink.read_records(names.object_name, [], ids).values())

    def test_a_create_whose_answer_was_lost_is_found_and_not_made_again(
        self, world: SinkWorld, sink: Sink, tmp_path: Path
    ) -> None:
        names, tag = world.names, _tag()
        mail = f"{tag}@apply.example"
        change = self.create(world, "k", {names.mail: mail}, lookup=(names.mail, mail))
        state = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(tmp_path / "state.db"))))
        state.prepare()
        order = ApplyOrder(RunKey("crm_marketing_sync", "one"))
        world.lose_answer(Action.CREATE)
        before = world.writes()

        first = apply({names.system: sink}, state, ChangeSet.of([change]), order, clock=world.now)
        second = apply({names.system: sink}, state, ChangeSet.of([change]), order, clock=world.now)
        state.close()

        [held] = world.holders(names.mail, mail)
        assert first.outcomes[change.change_id].fate in (Fate.CREATED, Fate.DEFERRED)
        assert second.outcomes[change.change_id].record_id == held
        assert second.outcomes[change.change_id].is_accepted
        assert world.writes() - before == 1

    # --- words --------------------------------------------------------------------------------------------------------

    @staticmethod
    def create(
        world: SinkWorld, key: str, values: Mapping[str, Value], *, lookup: tuple[str, str] | None = None
    ) -> Change:
        names, fields = world.names, _fields(world.new(values))
        return Change(names.system, names.object_name, Action.CREATE, key, fields=fields, lookup=lookup)

    @staticmethod
    def update(world: SinkWorld, record_id: str, values: Mapping[str, Value]) -> Change:
        names = world.names
        return Change(names.system, names.object_name, Action.UPDATE, record_id, record_id, fields=_fields(values))


def _tag() -> str:
    """Something that no other test has used."""
    return f"t{next(_numbers)}x"


def _choice(names: Names, is_bad: bool) -> str:
    return names.bad_choice if is_bad else names.good_choice


def _fields(values: Mapping[str, Value]) -> tuple[FieldChange, ...]:
    return tuple(FieldChange(name, None, value) for name, value in values.items())


def _read(sink: Sink, names: Names, start: datetime, end: datetime) -> dict[str, TargetRecord]:
    """The last word on each record."""
    window = Window(start, end, WindowKind.INCREMENTAL)
    pages = sink.read_window(names.object_name, [names.text], window)
    return {record.record_id: record for page in pages for record in page}


def _applied(sink: Sink, names: Names, action: Action, plan: Sequence[Change]) -> dict[str, WriteAnswer]:
    """In batches of the size that the sink asks for; every change has one answer."""
    size = sink.batch_size(names.object_name, action, changes=len(plan))
    answers = [
        answer
        for start in range(0, len(plan), size)
        for answer in sink.apply(names.object_name, action, plan[start : start + size])
    ]
    assert sorted(a.change_id for a in answers) == sorted(c.change_id for c in plan)
    return {answer.change_id: answer for answer in answers}
