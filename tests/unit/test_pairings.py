"""Settings of the marketing pattern: what they make of a pairing, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_patterns.catalog import load_marketing_sync
from crm_patterns.catalog.marketing_sync import MarketingSyncSettings
from crm_patterns.core.changes import Side
from crm_patterns.core.errors import FixSettings
from crm_patterns.pairings import creating_sides, pairing_of
from crm_patterns.patterns.conflicts import Flow, Policy
from crm_patterns.translations import load_translations

CONFIG = Path(__file__).resolve().parents[2] / "include" / "config"
TRANSLATIONS = load_translations(CONFIG / "translations.yaml")
FIELD = "{salesforce: Email, platform: email, translate: email, owner: salesforce}"


def settings_of(folder: Path, pairing: str, *fields: str) -> MarketingSyncSettings:
    path = folder / "marketing_sync.yaml"
    listed = "".join(f"          - {field}\n" for field in fields)
    path.write_text(
        "stage_root: file:///data\ndata_docs_root: /docs\nstart_date: 2026-01-01T00:00:00Z\n"
        "platforms:\n  - name: hubspot\n    pairings:\n"
        f"      - name: people\n{pairing}        fields:\n{listed}"
    )
    return load_marketing_sync(path)


ENDS = (
    "        salesforce: {object: Person, find_by: Email}\n"
    "        platform: {object: contacts, own_key: sf_id, find_by: email}\n"
)


def test_the_shipped_settings_make_pairings() -> None:
    settings = load_marketing_sync(CONFIG / "marketing_sync.yaml")

    for platform in settings.platforms:
        for given in platform.pairings:
            pairing = pairing_of(settings, given.name, TRANSLATIONS)
            assert (pairing.left.system, pairing.right.system) == ("salesforce", platform.name)
            assert len(pairing.fields) == len(given.fields)


def test_a_field_has_its_flow_policy_and_owner(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        ENDS + "        creates: [platform]\n",
        FIELD,
        "{salesforce: Title, platform: jobtitle, flow: to_salesforce, policy: newest_wins}",
        "{salesforce: Status, platform: hs_lead_status, policy: furthest, translate: lead_status}",
    )

    pairing = pairing_of(settings, "people", TRANSLATIONS)

    email, title, status = (pair.rule for pair in pairing.fields)
    assert (email.owner, email.flow, email.policy) == (Side.LEFT, Flow.BOTH, Policy.OWNER_WINS)
    assert (title.flow, title.policy) == (Flow.RIGHT_TO_LEFT, Policy.NEWEST_WINS)
    assert status.ranks[0] == "open"
    assert creating_sides(settings.pairing("people")) == {Side.RIGHT}


@pytest.mark.parametrize(
    ("pairing", "fields", "told"),
    [
        (ENDS, ["{salesforce: Title, platform: jobtitle}"], "owner_wins needs an owner"),
        (ENDS, [FIELD.replace("platform: email", "platform: mail")], "find_by is email, which is not among the fields"),
        (ENDS, [FIELD, FIELD.replace("platform: email", "platform: work_email")], "Email is mapped twice"),
        (ENDS.replace("own_key", "ownkey"), [FIELD], "did you mean own_key"),
    ],
)
def test_a_mistake_is_named_with_its_fix(tmp_path: Path, pairing: str, fields: list[str], told: str) -> None:
    with pytest.raises(FixSettings, match=told):
        settings_of(tmp_path, pairing, *fields)


def test_a_translation_that_is_not_there_names_the_field(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, ENDS, FIELD, "{salesforce: X, platform: y, translate: colours, policy: review}")

    with pytest.raises(FixSettings, match=r"field X.*colours"):
        pairing_of(settings, "people", TRANSLATIONS)
