"""A run of the marketing pattern, and its undoing, as Airflow runs them against both sandboxes."""

from __future__ import annotations

import pytest

from crm_patterns.__main__ import main
from tests.orchestration.support.marketing import MarketingStand

pytestmark = pytest.mark.timeout(600)


def test_a_bad_run_is_undone_but_for_what_somebody_edited_since(marketing: MarketingStand) -> None:
    mails = [f"undo{number}@acme.example" for number in (1, 2)]
    leads = [marketing.lead(FirstName="Ada", LastName="Lovelace", Email=mail) for mail in mails]
    marketing.sync(*leads)
    for lead in leads:
        marketing.edit_lead(lead, FirstName="OOPS", LastName="OOPS")
    named = [word for lead in leads for word in ("--record", lead)]
    foreseen = main(["plan", "marketing_sync", "--platform", "hubspot", *named])
    bad = marketing.sync(*leads)
    before = [marketing.contact_of(mail) for mail in mails]
    edit = {"object": "contacts", "id": before[1]["id"], "properties": {"firstname": "Augusta"}}
    marketing.account.control("POST", "edit", edit)

    seen = marketing.undo(bad, dry_run=True)
    untouched = [marketing.contact_of(mail) for mail in mails]
    undone = marketing.undo(bad)

    assert foreseen == 2, "changes, and nobody would be asked"
    assert [contact["lastname"] for contact in before] == ["OOPS", "OOPS"]
    assert [contact["lastname"] for contact in untouched] == ["OOPS", "OOPS"]
    names = [(c["firstname"], c["lastname"]) for c in map(marketing.contact_of, mails)]
    assert names == [("Ada", "Lovelace"), ("Augusta", "Lovelace")]
    assert marketing.stand.outcome(seen, "undo") is None
    assert marketing.stand.outcome(undone, "undo").tally.updated == 2
    published = f"select state, records_updated from ops.runs where run_id = '{undone.run_id}'"
    assert marketing.stand.rows(published) == [("success", 2)]
    written = (
        f"select system, action, fate, record_id from ops.writes where run_id = '{undone.run_id}' order by record_id"
    )
    assert marketing.stand.rows(written) == [("hubspot", "update", "updated", c["id"]) for c in before]
