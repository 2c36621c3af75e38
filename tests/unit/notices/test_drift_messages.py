"""The drift notice: what and where, what became of it, and no value."""

from __future__ import annotations

from crm_patterns.core.drift import DriftFinding, DriftKind, Settlement, SilentChange
from crm_patterns.notices.drift_messages import drift
from crm_patterns.notices.messages import RunFacts

RUN = RunFacts("crm_drift_audit", "run-1")
VALUE = "a value that is nobody's business"


def test_differences_are_named_with_what_became_of_them_and_values_are_not() -> None:
    repaired = DriftFinding(DriftKind.DIFFERENT, "001A", "site", "001", VALUE, VALUE, Settlement.REPAIRED)
    remains = DriftFinding(DriftKind.GONE, "001B", settlement=Settlement.REMAINS)

    told = str(drift(RUN, [("Account", repaired), ("Account", remains)], []).blocks)

    assert "2 differences" in told
    assert "site of 001A differed: put right" in told
    assert told.index("001B") < told.index("001A"), "what remains comes first"
    assert VALUE not in told


def test_a_silent_field_comes_with_the_line_for_the_settings() -> None:
    told = str(drift(RUN, [], [SilentChange("Opportunity", "score_c", "Score__c", 12, is_new=True)]).blocks)

    assert "1 fields change without a stamp" in told
    assert "refresh: [Score__c]" in told


def test_many_differences_fit_one_message() -> None:
    found = [("Account", DriftFinding(DriftKind.MISSING, f"001{n}")) for n in range(5000)]

    message = drift(RUN, found, [])

    assert "5,000 differences" in message.text
    assert len(message.blocks) < 10
