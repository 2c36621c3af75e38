"""The data dictionary, and the sentences that become comments in the warehouse."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from crm_patterns.__main__ import dictionary_of
from crm_patterns.catalog import load_warehouse_elt
from crm_patterns.clients.salesforce.wire import read_description
from crm_patterns.core.contracts import ContractField, FieldKind, ObjectDescription
from crm_patterns.core.meanings import MOST_CHARACTERS, meaning_of
from crm_patterns.core.own_columns import OWN_COLUMNS
from crm_patterns.core.policies import Policy
from sandbox.salesforce.describe import describe_object
from sandbox.salesforce.schema import Schema, load
from tests.source_double import SourceDouble

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "docs" / "data-dictionary.md"
SETTINGS = load_warehouse_elt(ROOT / "include" / "config" / "warehouse_elt.yaml", {})


@cache
def org() -> Schema:
    return load()


@dataclass
class DescribedOrg(SourceDouble):
    """Describes what the sandbox's org has."""

    asked: list[str] = field(default_factory=list)

    def describe(self, object_name: str) -> ObjectDescription:
        self.asked.append(object_name)
        spec = org().find(object_name)
        assert spec is not None
        return read_description(describe_object(org(), spec, "66.0"))


def test_the_committed_dictionary_is_what_the_command_makes_of_the_sandbox() -> None:
    source = DescribedOrg()

    made = dictionary_of(SETTINGS, source, hash_key="k1")

    assert made == COMMITTED.read_text(encoding="utf-8"), "run `make dictionary`"
    assert source.asked == [item.name for item in SETTINGS.objects]


def test_policies_show_and_a_blocked_field_has_no_column() -> None:
    contact = SETTINGS.object("Contact").model_copy(
        update={"columns": {"Email": Policy.HASH, "Birthdate": Policy.BLOCK}}
    )
    settings = SETTINGS.model_copy(update={"objects": (contact,)})

    made = dictionary_of(settings, DescribedOrg(), hash_key="k1")

    assert "| `email` | varchar | `Email` | Email | hash |" in made
    assert "| – | – | `Birthdate` | Birthdate | block |" in made
    assert "`birthdate`" not in made


def test_every_column_of_ours_is_in_it() -> None:
    text = COMMITTED.read_text(encoding="utf-8")

    assert [own.column for own in OWN_COLUMNS if f"| `{own.column}` |" not in text] == []


def test_a_meaning_is_one_line_that_says_label_help_field_and_policy() -> None:
    plain = ContractField("Email", "email", FieldKind.TEXT, label="Work\nEmail", help="It's how to\x00reach them.")

    assert meaning_of(plain) == "Work Email: It's how to reach them. From the field Email."
    hashed = replace(plain, hashed=True, hash_key="k1", help="")
    assert meaning_of(hashed) == "Work Email. From the field Email, hashed with key k1."
    assert len(meaning_of(replace(plain, help="x" * 5000))) <= MOST_CHARACTERS
