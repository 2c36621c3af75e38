"""
What any `Source` must do, whoever the vendor is.

A vendor's test class inherits `SourceSuite` and gives it a `world`: the vendor's stand-in with a way to connect, to
edit records and to make trouble. Everything is asked through the port; nothing of the package is replaced.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import pytest

from crm_patterns.core.arrow_types import arrow_schema
from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.errors import BulkSpent, FixSettings, OutOfBudget, RetryLater, SchemaMoved
from crm_patterns.core.ports import BulkRefused, JobState, LookRequest, ReadRequest, Source
from crm_patterns.core.records import Page
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.warehouse_elt import FieldChoice, make_contract
from crm_patterns.steps.extract import wait_briefly

Row = dict[str, Any]


class World(Protocol):
    """A vendor's stand-in, and what the suite needs to know of it."""

    object_name: str
    """An object of several pages of rows, with a cursor."""

    misspelt_name: str
    """Close to `object_name`, but unknown."""

    refused_name: str | None
    """An object that the bulk interface refuses; None where there is none."""

    unknown_key: str
    """Well formed, and of no record."""

    text_field: str
    money_field: str

    def connect(self) -> Source:
        """A new instance, signed in as a user who may read everything; short pages, short patience."""

    def connect_as_stranger(self) -> Source:
        """An instance whose credentials are wrong."""

    def connect_nowhere(self) -> Source:
        """An instance that points where nothing answers."""

    def add(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Create records of `object_name` (other required fields are filled in); returns their keys."""

    def delete(self, keys: Iterable[str]) -> None:
        """Soft-delete records of `object_name`."""

    def purge(self, keys: Iterable[str]) -> None:
        """Delete records of `object_name` for good."""

    def truth(self) -> int:
        """How many records of `object_name` there are by the stand-in's own count, soft-deleted ones included."""

    def expire_session_after(self, pages: int) -> None:
        """The session is lost after so many more result pages were asked for."""

    def truncate_page(self, number: int) -> None:
        """The page of this number (from 0) arrives short, once."""

    def reset_page(self, number: int) -> None:
        """The connection is reset in the middle of the page of this number, once."""

    def storm(self, answers: int) -> None:
        """The next so many requests are answered as by a server under maintenance."""

    def spend_quota(self) -> None:
        """No calls are left today."""

    def spend_bulk_quota(self) -> None:
        """No bulk jobs are left today."""

    def hide_field(self, name: str) -> None:
        """A field of `object_name` is hidden from the user from now on."""

    def calls(self) -> int:
        """Calls to the data API by the stand-in's own journal, since it began."""

    def calm(self) -> None:
        """All trouble ends."""


class SourceSuite:
    """Inherit and give the fixture `world`."""

    @pytest.fixture
    def world(self) -> World:
        raise NotImplementedError

    @pytest.fixture
    def source(self, world: World) -> Iterable[Source]:
        source = world.connect()
        yield source
        source.close()

    # --- deletions ----------------------------------------------------------------------------------------------------

    def test_the_log_names_what_is_in_the_bin_and_what_is_gone(self, world: World, source: Source) -> None:
        binned, purged, living = world.add([{}, {}, {}])
        world.delete([binned])
        world.purge([purged])

        since, until = source.now() - timedelta(hours=1), source.now() + timedelta(minutes=2)
        found = source.deleted(world.object_name, since=since, until=until)

        assert {binned, purged} <= found.deleted_at.keys()
        assert living not in found.deleted_at
        assert abs(found.deleted_at[purged] - source.now()) < timedelta(minutes=2)
        assert found.complete
        assert since < found.covered_until <= until

    def test_a_key_lives_or_is_in_the_bin_or_is_gone(self, world: World, source: Source) -> None:
        binned, purged, living = world.add([{}, {}, {}])
        world.delete([binned])
        world.purge([purged])

        keys = [binned, purged, living, world.unknown_key]
        standing = source.standing_of(world.object_name, flag=everything(world, source)[0].deleted_flag, keys=keys)

        assert standing == {binned: True, living: False}

    def test_rows_can_be_read_by_their_keys(self, world: World, source: Source) -> None:
        contract, _ = everything(world, source)
        binned, living, other = world.add([{}, {}, {}])
        world.delete([binned])

        rows = rows_of(source.read_keys(contract, [binned, living, world.unknown_key]))

        assert {row[contract.key_column] for row in rows} == {binned, living}
        assert other not in rows

    # --- one look -----------------------------------------------------------------------------------------------------

    def test_one_look_tells_what_separate_questions_tell(self, world: World, source: Source) -> None:
        _, request = everything(world, source)
        before = world.calls()

        seen = source.look(LookRequest(world.object_name, request.cursor, request.window))

        assert world.calls() == before + 1
        assert seen.description == source.describe(world.object_name)
        assert seen.count == source.count(request) > 0
        assert seen.deletions is None

    def test_a_look_names_what_was_deleted_since(self, world: World, source: Source) -> None:
        (key,) = world.add([{}])
        world.delete([key])
        since = source.now() - timedelta(hours=1)
        window = Window(since, source.now() + timedelta(minutes=1), WindowKind.INCREMENTAL)

        seen = source.look(LookRequest(world.object_name, everything(world, source)[1].cursor, window, since))

        assert seen.deletions is not None
        assert seen.deletions.complete
        assert seen.deletions.covered_until <= source.now() + timedelta(minutes=1)

    def test_a_look_with_a_cursor_that_is_none_still_describes(self, world: World, source: Source) -> None:
        window = Window(None, source.now(), WindowKind.FULL)

        seen = source.look(LookRequest(world.object_name, "NoSuchStamp", window))

        assert seen.count is None
        assert seen.description.object_name == world.object_name

    def test_a_look_at_an_unknown_object_is_answered_with_near_names(self, world: World, source: Source) -> None:
        with pytest.raises(FixSettings) as caught:
            source.look(LookRequest(world.misspelt_name, None, Window(None, source.now(), WindowKind.FULL)))

        assert world.object_name in caught.value.fix

    def test_the_clock_costs_no_call_once_signed_in(self, world: World, source: Source) -> None:
        source.describe(world.object_name)
        before = world.calls()

        source.now()

        assert world.calls() == before

    # --- description --------------------------------------------------------------------------------------------------

    def test_the_clock_is_the_sources_and_utc(self, source: Source) -> None:
        now = source.now()

        assert now.utcoffset() == timedelta(0)
        assert now.microsecond == 0
        assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)

    def test_an_object_that_is_listed_can_be_described(self, world: World, source: Source) -> None:
        description = source.describe(world.object_name)

        assert world.object_name in source.object_names()
        assert description.object_name == world.object_name
        assert description.has(world.text_field)

    def test_an_unknown_object_is_answered_with_near_names(self, world: World, source: Source) -> None:
        with pytest.raises(FixSettings) as caught:
            source.describe(world.misspelt_name)

        assert world.misspelt_name in caught.value.problem
        assert world.object_name in caught.value.fix

    def test_wrong_credentials_are_a_matter_of_settings_and_show_no_secret(self, world: World) -> None:
        stranger = world.connect_as_stranger()

        with pytest.raises(FixSettings) as caught:
            stranger.now()

        assert caught.value.fix
        assert "wrong-secret" not in str(caught.value)
        stranger.close()

    def test_a_host_that_does_not_answer_is_named(self, world: World) -> None:
        nowhere = world.connect_nowhere()

        with pytest.raises(RetryLater) as caught:
            nowhere.now()

        assert "127.0.0.1" in caught.value.problem
        assert caught.value.fix
        nowhere.close()

    # --- rows ---------------------------------------------------------------------------------------------------------

    def test_counts_equal_rows_by_either_way(self, world: World, source: Source) -> None:
        contract, request = everything(world, source)

        by_rows = rows_of(source.read_rows(request, contract))
        by_job = read_by_job(source, request, contract)

        assert len(by_rows) == len(by_job) == source.count(request) == world.truth() > 0
        assert sorted(by_rows, key=by_key(contract)) == sorted(by_job, key=by_key(contract))

    def test_pages_have_the_contracts_columns_in_its_order(self, world: World, source: Source) -> None:
        contract, request = everything(world, source)
        job = ready_job(source, request)

        for page in [*source.read_rows(request, contract), *source.read_job(job, contract)]:
            assert page.rows.schema.equals(arrow_schema(contract))

    def test_windows_are_half_open_and_cut_between_ties(self, world: World, source: Source) -> None:
        world.add([{world.text_field: f"tie {number}"} for number in range(20)])
        contract, request = everything(world, source)
        cursors = sorted(row[contract.cursor_column or ""] for row in rows_of(source.read_rows(request, contract)))
        cut, ties = Counter(cursors).most_common(1)[0]
        low, high = cursors[len(cursors) // 4], request.window.end
        assert ties > 1

        before, after = (
            rows_of(source.read_rows(windowed(request, since, until), contract))
            for since, until in ((low, cut), (cut, high))
        )

        assert len(before) == sum(low <= cursor < cut for cursor in cursors)
        assert len(after) == sum(cut <= cursor < high for cursor in cursors)
        assert not {row[contract.key_column] for row in before} & {row[contract.key_column] for row in after}
        assert source.count(windowed(request, cut, high)) == len(after)
        assert len(read_by_job(source, windowed(request, cut, high), contract)) == len(after)

    def test_a_window_without_rows_gives_none(self, world: World, source: Source) -> None:
        contract, request = everything(world, source)
        nothing = windowed(request, datetime(1990, 1, 1, tzinfo=UTC), datetime(1990, 1, 2, tzinfo=UTC))

        assert source.count(nothing) == 0
        assert list(source.read_rows(nothing, contract)) == []
        assert read_by_job(source, nothing, contract) == []

    def test_soft_deleted_rows_come_with_their_flag(self, world: World, source: Source) -> None:
        (key,) = world.add([{world.text_field: "soon gone"}])
        world.delete([key])
        contract, request = everything(world, source)

        for rows in (rows_of(source.read_rows(request, contract)), read_by_job(source, request, contract)):
            (row,) = [row for row in rows if row[contract.key_column] == key]
            assert row[contract.deleted_column or ""] is True

    @pytest.mark.parametrize("way", ["rows", "job"])
    def test_values_survive_as_they_are(self, world: World, source: Source, way: str) -> None:
        texts = [
            "NA",
            "n/a",
            "null",
            "None",
            "00042",
            "Zürich – 東京 🙂",
            'say "hi", then\r\nleave\ntoday',
            "#N/A",
            "true",
        ]
        amounts = [Decimal(a) for a in ("0.01", "-12.30", "9999999999999.99", "1234567.10", "35000000", "0")]
        keys = world.add([{world.text_field: text, world.money_field: None} for text in texts])
        keys += world.add([{world.text_field: "money", world.money_field: amount} for amount in amounts])
        contract, request = everything(world, source)

        read = read_by_job(source, request, contract) if way == "job" else rows_of(source.read_rows(request, contract))
        by_keys = {row[contract.key_column]: row for row in read}
        text_column, money_column = contract.column_of(world.text_field), contract.column_of(world.money_field)

        assert [by_keys[key][text_column] for key in keys[: len(texts)]] == texts
        assert [by_keys[key][money_column] for key in keys[: len(texts)]] == [None] * len(texts)
        assert [by_keys[key][money_column] for key in keys[len(texts) :]] == amounts
        cursor = by_keys[keys[0]][contract.cursor_column or ""]
        assert abs(cursor - source.now()) < timedelta(minutes=5)

    # --- jobs ---------------------------------------------------------------------------------------------------------

    def test_a_job_reads_the_same_twice_and_by_another_instance(self, world: World, source: Source) -> None:
        contract, request = everything(world, source)
        job = ready_job(source, request)
        first = rows_of(source.read_job(job, contract))
        source.close()

        heir = world.connect()
        again = rows_of(heir.read_job(job, contract))

        assert heir.job_status(job).state is JobState.READY
        assert heir.job_status(job).rows == len(first) == len(again)
        assert first == again
        heir.discard(job)
        heir.close()

    def test_a_reader_that_stops_half_way_leaves_the_job_readable(self, world: World, source: Source) -> None:
        contract, request = everything(world, source)
        job = ready_job(source, request)
        pages = source.read_job(job, contract)
        next(pages)
        pages.close()  # type: ignore[attr-defined]

        assert len(rows_of(source.read_job(job, contract))) == source.count(request)

    def test_a_discarded_job_is_gone_and_may_be_discarded_again(self, world: World, source: Source) -> None:
        contract, request = everything(world, source)
        job = ready_job(source, request)

        source.discard(job)
        source.discard(job)

        assert source.job_status(job).state is JobState.GONE
        with pytest.raises(RetryLater):
            list(source.read_job(job, contract))

    def test_an_object_refused_in_bulk_says_so(self, world: World, source: Source) -> None:
        if world.refused_name is None:
            pytest.skip("this vendor's bulk interface refuses no object")
        contract, request = everything(world, source, world.refused_name)

        with pytest.raises(BulkRefused):
            source.submit(request)
        assert len(rows_of(source.read_rows(request, contract))) == source.count(request)

    # --- trouble ------------------------------------------------------------------------------------------------------

    def test_a_session_lost_in_mid_download_is_renewed(self, world: World, source: Source) -> None:
        contract, request = everything(world, source)
        job = ready_job(source, request)
        whole = rows_of(source.read_job(job, contract))

        world.expire_session_after(pages=2)

        assert rows_of(source.read_job(job, contract)) == whole

    @pytest.mark.parametrize("number", [0, 2])
    def test_a_page_that_arrives_short_is_fetched_again(self, world: World, source: Source, number: int) -> None:
        contract, request = everything(world, source)
        job = ready_job(source, request)
        whole = rows_of(source.read_job(job, contract))

        world.truncate_page(number)

        assert rows_of(source.read_job(job, contract)) == whole

    @pytest.mark.parametrize("number", [0, 2])
    def test_a_connection_reset_in_mid_page_is_taken_up_again(self, world: World, source: Source, number: int) -> None:
        contract, request = everything(world, source)
        job = ready_job(source, request)
        whole = rows_of(source.read_job(job, contract))

        world.reset_page(number)

        assert rows_of(source.read_job(job, contract)) == whole

    def test_a_storm_that_passes_is_sat_out(self, world: World, source: Source) -> None:
        contract, request = everything(world, source)
        job = ready_job(source, request)
        whole = rows_of(source.read_job(job, contract))

        world.storm(answers=3)

        assert rows_of(source.read_job(job, contract)) == whole

    def test_a_storm_that_lasts_ends_in_a_later_try(self, world: World, source: Source) -> None:
        _, request = everything(world, source)
        world.storm(answers=10_000)

        with pytest.raises(RetryLater):
            source.count(request)

    def test_spent_calls_are_told_as_such(self, world: World, source: Source) -> None:
        contract, request = everything(world, source)
        world.spend_quota()

        with pytest.raises(OutOfBudget):
            source.count(request)
        with pytest.raises(OutOfBudget):
            list(source.read_rows(request, contract))

    def test_spent_bulk_jobs_are_told_as_such(self, world: World, source: Source) -> None:
        _, request = everything(world, source)
        world.spend_bulk_quota()

        with pytest.raises(BulkSpent):
            source.submit(request)

    def test_what_is_left_is_told_in_one_call_by_the_sources_own_numbers(self, world: World, source: Source) -> None:
        source.now()
        before = world.calls()
        plenty = source.allowance()
        spent = world.calls() - before
        world.spend_bulk_quota()

        assert spent == 1
        assert plenty.calls.left is not None
        assert 0 < plenty.calls.left <= (plenty.calls.allowed or 0)
        assert not plenty.jobs.is_down_to(0.1)
        assert source.allowance().jobs.left == 0

    def test_a_field_that_vanished_asks_for_a_new_description(self, world: World, source: Source) -> None:
        contract, request = everything(world, source)
        world.hide_field(world.text_field)

        with pytest.raises(SchemaMoved, match=world.text_field):
            source.submit(request)
        with pytest.raises(SchemaMoved, match=world.text_field):
            list(source.read_rows(request, contract))

    # --- proofs and accounts ------------------------------------------------------------------------------------------

    def test_cursors_agree_with_the_rows(self, world: World, source: Source) -> None:
        contract, request = everything(world, source)
        rows = rows_of(source.read_rows(request, contract))
        truth = {row[contract.key_column]: row[contract.cursor_column or ""] for row in rows}
        some = sorted(truth)[:700]

        assert source.cursors_in(request) == truth
        present = source.cursors_of(world.object_name, cursor=contract.cursor or "", keys=[*some, world.unknown_key])
        assert present == {key: truth[key] for key in some}

    def test_usage_counts_every_call(self, world: World) -> None:
        before = world.calls()
        source = world.connect()
        contract, request = everything(world, source)
        read_by_job(source, request, contract)

        usage = source.usage()

        assert usage.calls_made == world.calls() - before
        assert usage.used is not None
        assert usage.allowed is not None
        assert usage.used <= usage.allowed
        source.close()

    def test_several_threads_share_an_instance(self, world: World, source: Source) -> None:
        contract, request = everything(world, source)
        expected = source.count(request)
        counts: list[int] = []

        def read() -> None:
            counts.append(len(rows_of(source.read_rows(request, contract))))

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert counts == [expected] * 4


def everything(world: World, source: Source, object_name: str | None = None) -> tuple[ObjectContract, ReadRequest]:
    """A contract of all that can be read of an object, and the request for all its rows."""
    contract = make_contract(source.name, source.describe(object_name or world.object_name), FieldChoice())
    window = Window(None, source.now() + timedelta(minutes=1), WindowKind.FULL)
    fields = tuple(field.name for field in contract.fields)
    return contract, ReadRequest(contract.object_name, fields, contract.cursor, window)


def windowed(request: ReadRequest, start: datetime, end: datetime) -> ReadRequest:
    window = Window(start, end, WindowKind.INCREMENTAL)
    return ReadRequest(request.object_name, request.fields, request.cursor, window, request.include_deleted)


def ready_job(source: Source, request: ReadRequest) -> str:
    job = source.submit(request)
    assert wait_briefly(source, job, grace_s=20).state is JobState.READY
    return job


def read_by_job(source: Source, request: ReadRequest, contract: ObjectContract) -> list[Row]:
    job = ready_job(source, request)
    rows = rows_of(source.read_job(job, contract))
    source.discard(job)
    return rows


def rows_of(pages: Iterable[Page]) -> list[Row]:
    """All rows; a row set aside is a failure of the suite's own world."""
    taken = list(pages)
    assert [rejected for page in taken for rejected in page.rejected] == []
    return [row for page in taken for row in page.rows.to_pylist()]


def by_key(contract: ObjectContract) -> Any:
    return lambda row: row[contract.key_column]
