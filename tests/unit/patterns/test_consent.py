"""The most restrictive word over every record of a person wins, and only evidence lifts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from crm_patterns.patterns.consent import ConsentChange, ConsentGiven, ConsentRecord, align, people

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
YES = ConsentGiven("a@x.io", "opt_out", NOON + HOUR, "form 12", "v3")


def record(n: int, email: str, opt_out: bool | None, *, system: str = "salesforce", at: datetime | None = NOON,
           linked_to: tuple[tuple[str, str], ...] = ()) -> ConsentRecord:  # fmt: skip
    since = {"opt_out": at} if at and opt_out else {}
    return ConsentRecord(system, "person", str(n), email, {"opt_out": opt_out}, since, linked_to)


def applied(records: list[ConsentRecord], changes: list[ConsentChange]) -> list[ConsentRecord]:
    values = {change.record.place: change.value for change in changes}
    return [
        replace(r, restrictions={"opt_out": values[r.place]}, since={"opt_out": NOON}) if r.place in values else r
        for r in records
    ]


RECORDS = st.lists(
    st.builds(
        record,
        st.integers(0, 6),
        st.sampled_from(["a@x.io", "b@x.io", ""]),
        st.sampled_from([True, False, None]),
        system=st.sampled_from(["salesforce", "hubspot"]),
        at=st.sampled_from([None, NOON, NOON - HOUR]),
        linked_to=st.lists(st.tuples(st.just("hubspot"), st.integers(0, 6).map(str)), max_size=2).map(tuple),
    ),
    unique_by=lambda r: r.place,
    max_size=7,
)


@given(RECORDS)
def test_one_restriction_restricts_every_record_of_the_person_and_then_nothing_changes(
    records: list[ConsentRecord],
) -> None:
    after = applied(records, list(align(records)))

    for person in people(after):
        words = {r.restrictions["opt_out"] for r in person}
        assert words == {True} or True not in words
    assert list(align(after)) == []
    assert all(a.restrictions["opt_out"] or not b.restrictions["opt_out"] for a, b in zip(after, records, strict=True))


@given(RECORDS)
def test_records_of_a_mail_address_are_one_person_and_each_record_is_in_one(records: list[ConsentRecord]) -> None:
    persons = people(records)

    assert sorted(r.place for person in persons for r in person) == sorted(r.place for r in records)
    for email in ("a@x.io", "b@x.io"):
        assert sum(any(r.email == email for r in person) for person in persons) <= 1


def test_a_duplicate_and_a_linked_record_are_restricted_too_and_nobody_else() -> None:
    lead, contact = record(1, "a@x.io", opt_out=True), record(2, "a@x.io", opt_out=None)
    far = record(3, "new@x.io", opt_out=False, system="hubspot", linked_to=(("salesforce", "2"),))
    stranger = record(4, "b@x.io", opt_out=False)

    changes = list(align([lead, contact, far, stranger]))

    assert [(c.record.record_id, c.value) for c in changes] == [("2", True), ("3", True)]
    assert "salesforce person 1 restricts" in changes[0].reason


def test_only_newer_evidence_lifts_a_restriction() -> None:
    held = [record(1, "a@x.io", opt_out=True), record(2, "a@x.io", opt_out=True, at=NOON - HOUR)]

    lifted = list(align(held, [YES]))

    assert [c.value for c in lifted] == [False, False]
    for useless in (replace(YES, at=NOON), replace(YES, source=" "), replace(YES, text_version=""),
                    replace(YES, email="b@x.io")):  # fmt: skip
        assert list(align(held, [useless])) == []
    undated = record(3, "a@x.io", opt_out=True, at=None)
    assert list(align([*held, undated], [YES])) == []
