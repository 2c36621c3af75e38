"""What is hashed or blocked is nowhere in clear, whatever becomes of its record."""

from __future__ import annotations

import hmac
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.orchestration.support.stand import KEYS, Stand

pytestmark = pytest.mark.timeout(600)

EMAIL, PHONE, BORN = "lovelace.secret@clear-value.example", "+49 30 181528 77345", "1815-12-10"
POLICIES = "- name: Contact\n    columns: {Email: hash, Phone: block, Birthdate: block}\n"

NO_BAD_NAMES = {
    "type": "expect_column_values_to_not_be_in_set",
    "kwargs": {"column": "last_name", "value_set": ["Bad"]},
    "meta": {"on_failure": "reject_rows", "sentence": "Nobody is called Bad. Correct it at the source."},
}


@pytest.fixture
def protected(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> Stand:
    stand.settings(monkeypatch, "- name: Contact\n", POLICIES)
    schema = f"GOVERNED_{uuid.uuid4().hex[:8].upper()}"
    stand.settings(
        monkeypatch,
        "objects:\n",
        f"target_schema: {schema}\nattempt_schema: {schema}_A\nmax_rejected_share: 1\nobjects:\n",
    )
    suite = stand.folder / "include" / "expectations" / "Contact.json"
    rules = json.loads(suite.read_text())
    rules["expectations"].append(NO_BAD_NAMES)
    suite.write_text(json.dumps(rules))
    return replace(stand, schema=schema)


def people(stand: Stand) -> tuple[str, str]:
    """One good contact, and one that a rule sets aside."""
    made = []
    with stand.sandbox.client() as http:
        for name in ("Good", "Bad"):
            values = {"LastName": name, "Email": EMAIL, "Phone": PHONE, "Birthdate": BORN}
            answer = http.post("/services/data/v62.0/sobjects/Contact", json=values)
            made.append(str(answer.raise_for_status().json()["id"]))
    return made[0], made[1]


def everywhere(stand: Stand, shown: str) -> Iterator[tuple[str, bytes]]:
    """Every file that the run wrote, unpacked too where it is compressed, all texts of the warehouse, and the logs."""
    yield "log", shown.encode()
    for path in sorted(stand.folder.rglob("*")):
        if path.is_file() and "include" not in path.parts:
            yield str(path), path.read_bytes()
            if path.suffix == ".parquet":
                yield f"{path}, unpacked", json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
    tables = (
        "select table_schema, table_name from information_schema.tables where table_schema not ilike 'information%'"
    )
    for schema, table in stand.rows(tables):
        rows = stand.rows(f'select * from "{schema}"."{table}"')
        yield f"{schema}.{table}", json.dumps(rows, default=str, ensure_ascii=False).encode()


def test_no_clear_value_of_a_hashed_or_blocked_column_is_anywhere(
    protected: Stand, capfd: pytest.CaptureFixture[str]
) -> None:
    good, bad = people(protected)
    capfd.readouterr()

    run = protected.run("Contact")

    shown = "".join(capfd.readouterr())
    assert protected.outcome(run, "Contact").tally.rejected == 1
    keyed = hmac.new(KEYS["hash"].encode(), EMAIL.encode(), "sha256").hexdigest()
    assert protected.rows(f"select id, email from {protected.schema}.contact where id in ('{good}', '{bad}')") == [
        (good, keyed)
    ]
    places = dict(everywhere(protected, shown))
    places |= {str(path): path.read_bytes() for path in Path(os.environ["AIRFLOW_HOME"]).rglob("*") if path.is_file()}
    assert any(keyed.encode() in data for place, data in places.items() if "unpacked" in place)
    assert any(bad.encode() in data for place, data in places.items() if "state.db" in place)
    plain = {"state.db": b"Bad", "unpacked": b"Bad", "audit.html": b"Bad", "OPS.QUARANTINE": b"Bad", "CONTACT": b"Good"}
    unseen = [
        part for part, text in plain.items() if not any(text in d for place, d in places.items() if part in place)
    ]
    assert unseen == [], "the search does not find plain values there, so that it proves nothing"
    found = {
        (place, clear)
        for place, data in places.items()
        for clear in (EMAIL, PHONE, BORN, KEYS["hash"])
        if clear.encode() in data
    }
    assert found == set()
    columns = protected.rows(
        f"select column_name from information_schema.columns where table_schema = '{protected.schema}'"
    )
    assert ("EMAIL",) in columns
    assert not {("PHONE",), ("BIRTHDATE",)} & set(columns)


def test_a_hashed_column_without_a_key_is_for_a_person(protected: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_CRM_KEYS")

    told = protected.told("Contact", step="extract")

    assert "contact.email is to be hashed, but there is no key" in told
    assert "crm_keys" in told


def test_a_key_that_could_be_guessed_is_refused_and_not_shown(
    protected: Stand, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    protected.change(monkeypatch, "CRM_KEYS", password="hunter2-hunter2")

    told = protected.told("Contact", step="extract")

    assert "fewer than 32 characters" in told
    assert "hunter2" not in f"{told}{capfd.readouterr()}"


def test_another_key_is_a_changed_schema_and_all_rows_are_hashed_anew(
    protected: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    protected.run("Contact")
    before = _hashes(protected)
    protected.change(monkeypatch, "CRM_KEYS", password="another key for hashes, of the tests")

    again = protected.run("Contact")

    assert len(before) > 0
    assert before.isdisjoint(_hashes(protected))
    changes = protected.rows(f"select kind, field_name from ops.schema_changes where run_id = '{again.run_id}'")
    assert changes == [("hashing", "Email")]
    manifests = [json.loads(path.read_text()) for path in (protected.folder / "stage").rglob("_manifest.json")]
    used = {field["hash_key"] for manifest in manifests for field in manifest["schema"]["fields"] if field["hashed"]}
    assert len(used) == 2


def _hashes(stand: Stand) -> set[Any]:
    return {row[0] for row in stand.rows(f"select distinct email from {stand.schema}.contact where email is not null")}


def test_an_encrypted_stage_gives_the_same_table_and_shows_nothing(
    protected: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    protected.settings(monkeypatch, "objects:\n", "encrypt_stage: true\nobjects:\n")
    good, _ = people(protected)

    run = protected.run("Contact")

    outcome = protected.outcome(run, "Contact")
    published = protected.rows(f"select count(*) as n from {protected.schema}.contact")[0][0]
    assert published == outcome.published_rows > 0
    assert (good,) in protected.rows(f"select id from {protected.schema}.contact where last_name = 'Good'")
    parts = list((protected.folder / "stage").rglob("*.parquet"))
    assert parts
    assert all(part.read_bytes()[:4] == b"PARE" for part in parts)
    assert not any(good.encode() in part.read_bytes() or b"last_name" in part.read_bytes() for part in parts)


def test_an_encrypted_stage_without_a_key_is_for_a_person(protected: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    protected.settings(monkeypatch, "objects:\n", "encrypt_stage: true\nobjects:\n")
    protected.change(monkeypatch, "CRM_KEYS", stage_secret="")

    assert "encrypt_stage is on, but there is no key" in protected.told("Contact", step="extract")


def test_the_dictionary_is_made_of_the_org_behind_the_connection(protected: Stand, tmp_path: Path) -> None:
    from crm_patterns.__main__ import main

    status = main(["dictionary", str(tmp_path / "dictionary.md")])

    text = (tmp_path / "dictionary.md").read_text()
    assert status == 0
    assert "| `email` | varchar | `Email` | Email | hash |" in text
    assert "| – | – | `Phone` |" in text


def test_columns_are_commented_by_the_daily_upkeep(protected: Stand) -> None:
    protected.run("Contact")

    run = protected.run("Contact", dag_id="crm_warehouse_upkeep")
    again = protected.run("Contact", dag_id="crm_warehouse_upkeep")

    notes = [
        protected.rows(f"select note from ops.steps where run_id = '{known.run_id}' and step = 'comment_columns'")
        for known in (run, again)
    ]
    assert notes[0][0][0].startswith("wrote the comments of ")
    assert not notes[0][0][0].startswith("wrote the comments of 0 ")
    assert notes[1] == [("wrote the comments of 0 columns",)]
