"""Settings: every mistake at once, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_patterns.catalog import WarehouseEltSettings, load_warehouse_elt
from crm_patterns.core.errors import FixSettings

SHIPPED = Path(__file__).resolve().parents[2] / "include" / "config" / "warehouse_elt.yaml"
GOOD = """
stage_root: file:///stage
data_docs_root: /docs
start_date: 2026-01-01T00:00:00Z
objects:
  - name: Account
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "warehouse_elt.yaml"
    path.write_text(text)
    return path


def problems(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(FixSettings) as caught:
        load_warehouse_elt(written(tmp_path, text), environ or {})
    return str(caught.value)


def test_the_shipped_settings_load_without_an_environment() -> None:
    settings = load_warehouse_elt(SHIPPED, {})

    assert "Opportunity" in [item.name for item in settings.objects]
    assert settings.lag_s == 120


def test_the_environment_fills_in_and_a_default_stands_in(tmp_path: Path) -> None:
    text = GOOD.replace("file:///stage", "${ROOT}").replace("/docs", "${DOCS:-/here}")

    settings = load_warehouse_elt(written(tmp_path, text), {"ROOT": "s3://bucket/crm/"})

    assert (settings.stage_root, settings.data_docs_root) == ("s3://bucket/crm", "/here")


def test_every_mistake_is_reported_at_once_with_file_line_and_key(tmp_path: Path) -> None:
    text = (
        GOOD
        + "  - name: Lead\n    exlude: [Phone]\n  - name: account\nlag_s: -4\nwarehouse: x\nslack_conn_id: ${NOPE}\n"
    )

    told = problems(tmp_path, text.replace("file:///stage", "C:\\stage"))

    assert "6 mistakes" in told or "5 mistakes" in told
    assert "line 2, stage_root" in told
    assert "line 8, objects.1.exlude: no such setting; did you mean exclude?" in told
    assert "line 10, lag_s: Input should be greater than or equal to 0 (found -4)" in told
    assert "no such setting" in told
    assert "environment variable NOPE is not set" in told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("objects: [", "is not valid YAML"),
        ("", "empty or not a mapping"),
        (GOOD.replace("  - name: Account\n", "  []\n"), "no object is listed"),
        (GOOD + "  - name: account\n", "is listed twice"),
        (GOOD.replace("Account", "Account; drop"), "objects.0.name"),
        (GOOD.replace("Account", "Account\n    exclude: [Phone]\n    hash: [phone]"), "under both exclude and hash"),
        (
            GOOD.replace("Account", "Account\n    include: [Phone]\n    columns: {phone: block}"),
            "under both include and",
        ),
        (
            GOOD.replace("Account", "Account\n    hash: [Phone]\n    columns: {phone: plain}"),
            "under both hash and columns",
        ),
        (GOOD.replace("Account", "Account\n    columns: {Phone: encrypt}"), "objects.0.columns.Phone"),
        (
            GOOD.replace("Account", "Lead\n    columns: {Phone: hash}")
            + "  - name: LeadHistory\n    exclude: [NewValue]\n",
            "LeadHistory holds what Lead.Phone was before, in clear; hash or block its OldValue too",
        ),
        (GOOD.replace("T00:00:00Z", " 00:00:00"), "carries no time zone"),
    ],
)
def test_a_bad_file_is_named_with_its_fix(tmp_path: Path, text: str, says: str) -> None:
    assert says in problems(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FixSettings, match=r"nowhere\.yaml cannot be read"):
        load_warehouse_elt(tmp_path / "nowhere.yaml", {})


def test_an_object_can_have_its_own_share_of_rejected_rows(tmp_path: Path) -> None:
    text = GOOD + "    max_rejected_share: 0.5\n  - name: Lead\n"
    settings: WarehouseEltSettings = load_warehouse_elt(written(tmp_path, text), {})

    assert settings.rejected_share_of("Account") == 0.5
    assert settings.rejected_share_of("Lead") == settings.max_rejected_share


def test_policies_of_columns_and_the_short_lists_say_the_same(tmp_path: Path) -> None:
    text = GOOD + "    hash: [Phone]\n    columns: {Email__c: hash, Birthdate__c: block, Name: plain}\n"

    item = load_warehouse_elt(written(tmp_path, text), {}).object("Account")

    assert (item.hashed, item.blocked) == (("Phone", "Email__c"), ("Birthdate__c",))
    assert item.is_clear("Name")
    assert not any(item.is_clear(name) for name in ("PHONE", "Email__c", "birthdate__c"))


def test_a_history_whose_values_are_hidden_may_move(tmp_path: Path) -> None:
    text = GOOD.replace("Account", "Opportunity\n    columns: {Amount: block}")
    text += "  - name: OpportunityFieldHistory\n    columns: {OldValue: hash, NewValue: block}\n"

    assert len(load_warehouse_elt(written(tmp_path, text), {}).objects) == 2
