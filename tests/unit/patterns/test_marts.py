"""What a mart needs, when it is built, and what must not go unnoticed at the end of a run."""

from __future__ import annotations

import pytest

from crm_patterns.core.marts import Kept, MartBuild, MartDefinition, MartInput, MartState
from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import ObjectOutcome
from crm_patterns.patterns.marts import Places, unaccounted, what_is_missing, why_build

PLACES = Places("SALESFORCE", "SALESFORCE_HISTORY", "MARTS", "CRM_ATTEMPTS")
LEAD = MartInput("lead", "LEAD", "Lead", ("id", "status"))
USER = MartInput("user", "USER", "User", ("id", "name"), optional=True)
KEPT = MartInput("versions", "LEAD", "Lead", ("id",), kept=Kept.HISTORY, optional=True)


def mart(*inputs: MartInput, one_of: tuple[str, ...] = ()) -> MartDefinition:
    return MartDefinition("FUNNEL", "One row.", ("id",), (), {}, inputs, one_of)


def build(state: MartState, versions: dict[str, object] | None = None, reason: str = "") -> MartBuild:
    return MartBuild("FUNNEL", state, reason, versions=versions or {})


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"lead": {"id", "status", "more"}}, ""),
        ({"lead": {"id", "status"}, "user": {"id"}}, ""),
        ({}, "SALESFORCE.LEAD is not there; add Lead to the objects of the settings"),
        ({"lead": {"id"}}, "SALESFORCE.LEAD has no status; include and exclude in the settings decide that"),
    ],
)
def test_a_mart_says_what_it_lacks(found: dict[str, set[str]], told: str) -> None:
    assert what_is_missing(mart(LEAD, USER), found, PLACES) == told


def test_one_of_several_inputs_is_enough_and_none_is_not() -> None:
    definition = mart(USER, KEPT, one_of=("user", "versions"))

    assert what_is_missing(definition, {"versions": {"id"}}, PLACES) == ""
    assert what_is_missing(definition, {"user": {"id"}}, PLACES) == (
        "neither SALESFORCE.USER nor SALESFORCE_HISTORY.LEAD is there with what is needed"
    )


def test_a_mart_is_built_where_it_is_missing_or_an_input_differs_and_never_else() -> None:
    last = build(MartState.BUILT, {"definition": "a", "S.LEAD": [1, "noon"]})

    assert why_build(is_there=False, last=last, versions=last.versions)
    assert why_build(is_there=True, last=None, versions=last.versions)
    assert why_build(is_there=True, last=last, versions={**last.versions, "S.LEAD": [1, "one"]}).endswith(": S.LEAD")
    assert why_build(is_there=True, last=last, versions={**last.versions, "S.USER": [0, None]}).endswith(": S.USER")
    assert "definition" in why_build(is_there=True, last=last, versions={**last.versions, "definition": "b"})
    assert why_build(is_there=True, last=last, versions=dict(last.versions)) == ""


def test_a_mart_without_a_word_is_a_failure_unless_an_input_held_it_up() -> None:
    failed = {"Lead": ObjectOutcome("Lead", RunState.FAILED)}
    proven = {"Lead": ObjectOutcome("Lead", RunState.SUCCESS)}

    assert "never ran" in unaccounted("FUNNEL", ("Lead",), [], proven)
    assert "never ran" in unaccounted("FUNNEL", ("Lead",), [], {})
    assert unaccounted("FUNNEL", ("Lead",), [], failed) == ""
    assert unaccounted("FUNNEL", ("Lead",), [build(MartState.FAILED, reason="It broke.")], proven) == "It broke."
    for state in (MartState.BUILT, MartState.UNCHANGED, MartState.SKIPPED):
        assert unaccounted("FUNNEL", ("Lead",), [build(state)], proven) == ""
