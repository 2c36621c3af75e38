"""The made-up records: the same every time, whole, and as awkward as real ones."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from sandbox.salesforce.ids import is_id
from sandbox.salesforce.populate import NEEDS, PopulationError, populate
from sandbox.salesforce.schema import load
from sandbox.salesforce.store import Org
from tests.unit.sandbox.small_org import MOMENT, SIZE, fresh_org, small_org, sql_rows

DANGLING = {"Profile", "Group"}
"""What is referred to but has no records here."""


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    with small_org(tmp_path_factory.mktemp("org"), size=1000) as org:
        yield org


def number(org: Org, sql: str) -> int:
    return int(sql_rows(org, f"select count(*) from {sql}")[0][0])


def fingerprint(org: Org) -> dict[str, object]:
    return {name: sql_rows(org, f'select count(*), bit_xor(hash(kept)) from "{name}" as kept')[0] for name in NEEDS}


def test_the_same_seed_gives_the_same_records_and_another_seed_others(tmp_path: Path) -> None:
    made = []
    for folder, seed in (("a", 7), ("b", 7), ("c", 8)):
        with fresh_org(tmp_path / folder, seed=seed) as org:
            made.append(fingerprint(org))
    one, same, different = made

    assert one == same
    assert all(one[name] != different[name] for name in ("Account", "Opportunity", "Task", "EmailMessage"))


def test_every_object_of_the_schema_has_records(org: Org) -> None:
    assert set(NEEDS) == set(load().objects)
    assert all(number(org, f'"{name}"') > 0 for name in NEEDS)


def test_one_number_gives_eleven_times_as_many_records(org: Org) -> None:
    assert sum(number(org, f'"{name}"') for name in NEEDS) >= 11 * 1000


@pytest.mark.parametrize("name", list(NEEDS))
def test_ids_are_ids_and_references_lead_somewhere(org: Org, name: str) -> None:
    spec = org.object(name)
    found = [row[0] for row in sql_rows(org, f'select "Id" from "{name}"')]
    assert all(is_id(each) and each.startswith(spec.prefix) for each in found)
    assert len(set(found)) == len(found)

    for field in spec.fields.values():
        if field.type != "reference" or not field.storage or set(field.reference_to) & DANGLING - {"Group"}:
            continue
        targets = [f'select "Id" from "{each}"' for each in field.reference_to if each not in DANGLING]
        lost = f'"{name}" where "{field.name}" is not null and "{field.name}" not in ({" union all ".join(targets)})'
        assert number(org, lost) == 0, field.name


@pytest.mark.parametrize("name", list(NEEDS))
def test_values_fit_their_fields(org: Org, name: str) -> None:
    for field in org.object(name).fields.values():
        if not field.storage:
            continue
        column = f'"{field.name}"'
        if not field.nillable:
            assert number(org, f'"{name}" where {column} is null') == 0, field.name
        if field.length:
            assert number(org, f'"{name}" where length({column}) > {field.length}') == 0, field.name
        if field.restricted and field.picklist and field.type == "picklist":
            allowed = ", ".join(f"'{value}'" for value in field.picklist)
            assert number(org, f'"{name}" where {column} not in ({allowed})') == 0, field.name
        if field.storage == "varchar":
            assert number(org, f"\"{name}\" where {column} = ''") == 0, field.name


@pytest.mark.parametrize("name", list(NEEDS))
def test_stamps_are_in_order_and_in_whole_seconds(org: Org, name: str) -> None:
    fields = org.object(name).fields
    chain = [each for each in ("CreatedDate", "LastModifiedDate", "SystemModstamp") if each in fields]
    for earlier, later in pairwise(chain):
        assert number(org, f'"{name}" where "{later}" < "{earlier}"') == 0
    newest = MOMENT.replace(tzinfo=None) - timedelta(minutes=10)
    for each in chain:
        assert (
            number(org, f'"{name}" where "{each}" > timestamp \'{newest}\' or microsecond("{each}") % 1000000 > 0') == 0
        )


def test_stamps_spread_over_two_years_with_many_of_late_and_many_ties(org: Org) -> None:
    oldest = sql_rows(org, 'select min("CreatedDate") from "Task"')[0][0]
    recent = f'"Task" where "SystemModstamp" > timestamp \'{MOMENT.replace(tzinfo=None) - timedelta(days=3)}\''
    ties = number(org, '(select 1 from "Task" group by "SystemModstamp" having count(*) > 1)')

    assert isinstance(oldest, datetime)
    assert oldest < MOMENT.replace(tzinfo=None) - timedelta(days=700)
    assert number(org, recent) > 20
    assert ties > 5


def test_texts_are_as_awkward_as_real_ones(org: Org) -> None:
    found = {row[0] for row in sql_rows(org, 'select "NextStep" from "Opportunity"')}
    found |= {row[0] for row in sql_rows(org, 'select "Department" from "Contact"')}
    found |= {row[0] for row in sql_rows(org, 'select "Site" from "Account"')}
    found |= {row[0] for row in sql_rows(org, 'select "Company" from "Lead"')}

    assert {"NA", "null", "None", "n/a", None} <= found
    assert any(text and "\n" in text for text in found)
    assert any(text and '"' in text for text in found)
    assert any(text and "," in text for text in found)
    assert any(text and not text.isascii() for text in found)
    assert number(org, '"Account" where "AccountNumber" like \'0%\'') > 0


def test_deletes_merges_and_conversions_are_there(org: Org) -> None:
    assert number(org, '"Account" where "IsDeleted" and "MasterRecordId" is null') > 0
    assert number(org, '"Account" where "MasterRecordId" is not null and not "IsDeleted"') == 0
    assert number(org, '"Contact" where "IsDeleted" and "MasterRecordId" is not null') > 0
    assert number(org, '"Lead" where "IsConverted" and "ConvertedAccountId" is not null') > 0
    living_child = (
        '"Opportunity" o join "Account" a on a."Id" = o."AccountId" where a."IsDeleted" and not o."IsDeleted"'
    )
    assert number(org, living_child) == 0


def test_every_delete_is_in_the_delete_log(org: Org) -> None:
    deleted = sum(number(org, f'"{name}" where "IsDeleted"') for name in NEEDS if "IsDeleted" in org.fields(name))

    assert number(org, "sandbox.delete_log") == deleted


def test_amounts_are_the_sums_of_their_products(org: Org) -> None:
    wrong = (
        '"Opportunity" o join '
        '(select "OpportunityId" id, sum("TotalPrice") total from "OpportunityLineItem" group by all) s '
        'on s.id = o."Id" where o."Amount" <> s.total or not o."HasOpportunityLineItem"'
    )

    assert number(org, '"Opportunity" where "HasOpportunityLineItem"') > 0
    assert number(org, wrong) == 0


def test_the_last_history_row_is_how_the_opportunity_stands(org: Org) -> None:
    newest = 'row_number() over (partition by "OpportunityId" order by "Id" desc) = 1'
    latest = f'select * from "OpportunityHistory" qualify {newest}'
    wrong = f'({latest}) h join "Opportunity" o on o."Id" = h."OpportunityId" where o."StageName" <> h."StageName"'

    assert number(org, wrong) == 0


def test_only_some_objects_come_with_those_they_refer_to(tmp_path: Path) -> None:
    org = Org(tmp_path)
    populate(org, size=SIZE, only=["opportunity"])

    assert number(org, '"Opportunity"') == SIZE
    assert number(org, '"Account"') > 0
    assert number(org, '"Lead"') == 0
    org.close()


def test_an_org_that_has_records_keeps_them(tmp_path: Path) -> None:
    with small_org(tmp_path) as org:
        before = fingerprint(org)
    with fresh_org(tmp_path, seed=1) as org:
        after = fingerprint(org)
        fresh = org.new_id("Account")

        assert before == after
        assert number(org, f'"Account" where "Id" >= \'{fresh}\'') == 0


def test_an_unknown_object_is_named(tmp_path: Path) -> None:
    org = Org(tmp_path)
    with pytest.raises(PopulationError, match="--only: Nonsense is not one of"):
        populate(org, size=10, only=["Nonsense"])
    org.close()
