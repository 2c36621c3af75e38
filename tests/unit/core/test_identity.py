"""Keys in one form; pairs that are certain, and everything else refused or alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_patterns.core.identity import Candidate, domain_key, email_key, match, moved


def person(record_id: str, email: str = "", counterpart: str = "", **keys: str) -> Candidate:
    return Candidate(record_id, counterpart, {"email": email, **keys})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (" Ann.Lee+News@Acme.COM ", "ann.lee+news@acme.com"),
        ("ann@acme", ""),
        ("ann@acme.com; bob@acme.com", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_mail_addresses_are_one_where_they_certainly_are(text: str | None, key: str) -> None:
    assert email_key(text) == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("https://www.Acme.com/about?x=1", "acme.com"),
        ("http://user:secret@shop.acme.co.uk:8080", "shop.acme.co.uk"),
        ("ann@Acme.com", "acme.com"),
        ("www.com", "www.com"),
        ("müller.de", "xn--mller-kva.de"),
        ("10.0.0.1", ""),
        ("localhost", ""),
        ("n/a", ""),
        ("not a domain.com", ""),
    ],
)
def test_domains_are_found_in_what_people_write(text: str, key: str) -> None:
    assert domain_key(text) == key


@given(st.text())
def test_a_key_is_its_own_key(text: str) -> None:
    assert email_key(email_key(text)) == email_key(text)
    assert domain_key(domain_key(text)) == domain_key(text)


def test_links_come_before_ids_and_ids_before_keys() -> None:
    lefts = [person("L1", "a@x.io"), person("L2", "b@x.io", counterpart="R3"), person("L3", "c@x.io")]
    rights = [person("R1", "z@x.io"), person("R2", "c@x.io"), person("R3", "y@x.io"), person("R4", "q@x.io")]

    found = match(lefts, rights, {"L1": "R1"})

    assert found.known == (("L1", "R1"),)
    assert found.found == (("L2", "R3"), ("L3", "R2"))
    assert found.refused == ()
    assert (found.left_alone, found.right_alone) == ((), ("R4",))


def test_one_to_many_is_refused_by_name_and_nothing_is_created_for_it() -> None:
    lefts = [person("lead", "a@x.io"), person("contact", "a@x.io"), person("ok", "b@x.io")]

    found = match(lefts, [person("R1", "a@x.io")], {})

    assert found.found == ()
    assert [(r.rule, r.left_ids, r.right_ids) for r in found.refused] == [("email", ("contact", "lead"), ("R1",))]
    assert "contact, lead" in found.refused[0].reason
    assert found.left_alone == ("ok",)


def test_duplicates_with_no_counterpart_yet_are_refused_too() -> None:
    assert match([person("L1", "a@x.io"), person("L2", "a@x.io")], [], {}).left_alone == ()


def test_a_duplicate_of_a_linked_record_is_refused() -> None:
    found = match([person("L1", "a@x.io"), person("L2", "a@x.io")], [person("R1", "a@x.io")], {"L1": "R1"})

    assert found.known == (("L1", "R1"),)
    assert [r.left_ids for r in found.refused] == [("L1", "L2")]
    assert found.left_alone == ()


def test_a_record_that_names_anothers_counterpart_is_refused() -> None:
    found = match([person("L2", counterpart="R1")], [], {"L1": "R1"})

    assert [(r.rule, r.right_ids) for r in found.refused] == [("counterpart", ("R1",))]


IDS = st.integers(0, 4)
PEOPLE = st.lists(st.tuples(IDS, IDS, IDS), unique_by=lambda t: t[0], max_size=5)


@given(PEOPLE, PEOPLE, st.dictionaries(IDS, IDS, max_size=3))
def test_every_record_ends_in_one_place_and_no_record_has_two_counterparts(
    left: list[tuple[int, int, int]], right: list[tuple[int, int, int]], linked: dict[int, int]
) -> None:
    lefts = [person(f"L{n}", f"{e}@x.io" if e else "", f"R{c}" if c else "") for n, e, c in left]
    rights = [person(f"R{n}", f"{e}@x.io" if e else "") for n, e, _ in right]
    links = {f"L{a}": f"R{b}" for b, a in {b: a for a, b in linked.items()}.items()}

    result = match(lefts, rights, links)

    pairs = [*result.known, *result.found]
    for side, candidates, alone, known in (
        (0, lefts, result.left_alone, set(links)),
        (1, rights, result.right_alone, set(links.values())),
    ):
        paired = [pair[side] for pair in pairs]
        assert max(Counter(paired).values(), default=1) == 1
        refused = {i for r in result.refused for i in (r.left_ids, r.right_ids)[side]} - set(paired)
        for candidate in candidates:
            if candidate.record_id in known:
                continue
            places = (candidate.record_id in paired, candidate.record_id in refused, candidate.record_id in alone)
            assert places.count(True) == 1


def test_conversions_and_merges_move_the_link() -> None:
    links = {"lead": "R1", "loser": "R2", "winner": "R3", "x": "R4"}

    after = moved(links, lefts={"lead": "contact", "loser": "winner"}, rights={"R4": "R5", "R5": "R6"})

    assert after == {"contact": "R1", "winner": "R3", "x": "R6"}


@given(st.dictionaries(IDS, IDS), st.dictionaries(IDS, IDS), st.dictionaries(IDS, IDS))
def test_moved_links_stay_one_to_one(links: dict[int, int], lefts: dict[int, int], rights: dict[int, int]) -> None:
    one_to_one = {str(a): str(b) for b, a in {b: a for a, b in links.items()}.items()}

    def moves(given: dict[int, int]) -> dict[str, str]:
        return {str(a): str(b) for a, b in given.items()}

    after = moved(one_to_one, lefts=moves(lefts), rights=moves(rights))

    assert len(set(after.values())) == len(after)
