"""Deleted, purged, merged, restored: the warehouse against the org's own store, through the DAG as Airflow runs it."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.orchestration.support.stand import Stand

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
OBJECTS = {
    "Account": "ACCOUNT",
    "Contact": "CONTACT",
    "Opportunity": "OPPORTUNITY",
    "OpportunityFieldHistory": "OPPORTUNITY_FIELD_HISTORY",
    "CampaignMember": "CAMPAIGN_MEMBER",
}


def holds_what_the_org_holds(stand: Stand) -> None:
    """Ids and stamps of the living rows, object by object."""
    truth = stand.sandbox.control("GET", f"truth?objects={','.join(OBJECTS)}")
    for name, table in OBJECTS.items():
        rows = stand.rows(f"select id, _source_modified_at from salesforce.{table} where not _deleted order by id")
        lines = "\n".join(f"{key},{stamp:%Y-%m-%dT%H:%M:%SZ}" for key, stamp in rows)
        assert (len(rows), name) == (truth[name]["records"], name)
        assert hashlib.md5(lines.encode()).hexdigest() == truth[name]["checksum"], name


def ids(stand: Stand, table: str, condition: str = "true") -> list[str]:
    found = stand.rows(f"select id from salesforce.{table} where not _deleted and {condition} order by id")
    return [row[0] for row in found]


def how(stand: Stand, table: str, key: str) -> tuple[Any, ...]:
    (row,) = stand.rows(
        f"select _deleted_how, _deleted_at, _deleted_learned_at from salesforce.{table} where id = '{key}' and _deleted"
    )
    return row


def wait_for_the_log() -> None:
    """The source's log of deletions knows whole minutes."""
    time.sleep(60.5 - datetime.now(UTC).second)


def test_every_way_of_going_reaches_the_warehouse_and_a_return_as_well(stand: Stand) -> None:
    stand.run(*OBJECTS)
    holds_what_the_org_holds(stand)
    accounts = ids(stand, "account")[:6]
    purged, binned, first, second, last, restored = accounts
    with_history = "id in (select opportunity_id from salesforce.opportunity_field_history)"
    elsewhere = f"account_id not in ({', '.join(repr(key) for key in accounts)})"
    opportunity = ids(stand, "opportunity", f"{with_history} and {elsewhere}")
    member = ids(stand, "campaign_member")[0]
    with stand.sandbox.client() as org:
        for key in (binned, restored, opportunity[0], member):
            name = {"001": "Account", "006": "Opportunity"}.get(key[:3], "CampaignMember")
            org.delete(f"/services/data/v62.0/sobjects/{name}/{key}").raise_for_status()
    stand.sandbox.control("POST", "hard_delete", {"ids": [purged]})
    stand.sandbox.control("POST", "merge", {"winner": second, "losers": [first]})
    stand.sandbox.control("POST", "merge", {"winner": last, "losers": [second]})
    wait_for_the_log()

    run = stand.run(*OBJECTS)

    holds_what_the_org_holds(stand)
    assert [how(stand, "account", key)[0] for key in (purged, binned, restored, first, second)] == [
        "hard delete", "soft delete", "soft delete", "merge", "merge",
    ]  # fmt: skip
    assert how(stand, "campaign_member", member)[0] == "hard delete"  # it never goes through the bin
    histories = stand.rows(
        "select distinct _deleted_how from salesforce.opportunity_field_history "
        f"where opportunity_id = '{opportunity[0]}'"
    )
    assert histories == [("soft delete",)], "its stamp stands still: only the log tells"
    assert all(None not in how(stand, "account", key) for key in (purged, binned))
    assert all(stand.outcome(run, name).tally.is_balanced for name in OBJECTS)
    merges = stand.rows(
        "select loser_id, winner_id, survivor_id from salesforce_history.merge_map where object_name = 'Account'"
    )
    assert sorted(merges) == sorted([(first, second, last), (second, last, last)])

    stand.sandbox.control("POST", "undelete", {"ids": [restored]})
    stand.run(*OBJECTS)

    holds_what_the_org_holds(stand)
    told = stand.rows(f"select _deleted, _deleted_at, _deleted_how from salesforce.account where id = '{restored}'")
    assert told == [(False, None, None)]


def test_what_the_log_never_told_is_found_by_the_comparison_of_ids(stand: Stand) -> None:
    stand.run(*OBJECTS)
    accounts, contacts = ids(stand, "account"), ids(stand, "contact")
    stand.sandbox.control("POST", "hard_delete", {"ids": contacts[:2]})  # within the minute that the log does not tell
    stand.rows(f"delete from salesforce.account where id = '{accounts[-1]}'")  # a row that was lost

    run = stand.run(*OBJECTS, dag_id="crm_warehouse_upkeep")

    holds_what_the_org_holds(stand)
    assert how(stand, "contact", contacts[0])[0] == "id comparison"
    steps = stand.rows(f"select object_name, state, note from ops.steps where run_id = '{run.run_id}'")
    told = {name: (state, note) for name, state, note in steps if "ids at the source" in note}
    assert "2 closed" in told["Contact"][1]
    assert (told["Account"][0], "1 WERE MISSING" in told["Account"][1]) == ("partial", True)
    assert told["Opportunity"][0] == "success"


def test_a_converted_lead_leads_to_what_became_of_it(stand: Stand) -> None:
    stand.run("Lead", "Account", "Contact", "Opportunity")

    (converted, led) = stand.rows(
        """
        select count(*) as converted, count(account.id) as led
        from salesforce.lead as lead
        left join salesforce_history.merge_map as merged
            on merged.object_name = 'Account' and merged.loser_id = lead.converted_account_id
        left join salesforce.account as account
            on account.id = coalesce(merged.survivor_id, lead.converted_account_id)
        left join salesforce.contact as contact on contact.id = lead.converted_contact_id
        where lead.is_converted
        """
    )[0]

    assert converted == led > 0
