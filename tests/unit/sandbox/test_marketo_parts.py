"""Parts of the Marketo stand-in that need no server."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.marketo.errors import Reason
from sandbox.marketo.instance import Instance
from sandbox.marketo.populate import people, populate
from sandbox.salesforce.populate import populate as populate_org
from sandbox.salesforce.store import Org


def test_its_people_are_those_of_the_salesforce_org_of_the_same_seed(tmp_path: Path) -> None:
    org = Org(tmp_path)
    populate_org(org, size=400, seed=11, only=["Lead"])
    with org.cursor() as cursor:
        rows = cursor.execute(
            'select "Email", "Id", "FirstName", "LastName", "Title", "City", "HasOptedOutOfEmail" from "Lead" '
            'where not "IsDeleted" and "Email" is not null'
        ).fetchall()
    org.close()
    theirs = {row[0]: row[1:] for row in rows}

    ours = [each for each in people(240, seed=11) if each["email"] in theirs]

    assert 140 < len(ours) < 240
    for each in ours:
        record_id, first, last, title, city, opted_out = theirs[each["email"]]
        assert each.get("sfRecordId18") in (None, record_id)
        assert (each.get("firstName"), each["lastName"], each.get("title")) == (first, last, title)
        assert (each.get("city"), each.get("unsubscribed", False)) == (city, opted_out)


def test_a_restart_keeps_leads_activities_and_members(tmp_path: Path) -> None:
    first = Instance(tmp_path)
    populate(first, size=60, seed=3)
    first.leads.merge(first.leads.by_id[1], [first.leads.by_id[60]])
    first.close()

    second = Instance(tmp_path)
    populate(second, size=60, seed=3)

    assert second.leads.by_id == first.leads.by_id
    assert second.leads.highest_id == 60
    assert second.activities.listed == first.activities.listed
    assert second.programs.members == first.programs.members
    second.close()


def test_a_member_never_steps_back(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    assert instance.programs.move(1001, 1, "Registered") == "created"
    assert instance.programs.move(1001, 1, "Attended") == "updated"

    with pytest.raises(Reason, match="1037"):
        instance.programs.move(1001, 1, "Invited")
    instance.close()
