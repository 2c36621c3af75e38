"""What every state must do with the ledger of restrictions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from crm_patterns.core.ports import Lifted, Restriction, RunKey, State

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE = RunKey("crm_marketing_sync", "one")
OPT_OUT = Restriction("p1@x.io", "HasOptedOutOfEmail", "pardot", "prospects", "77", "optedOut")
BOUNCE = replace(OPT_OUT, field_name="isHardBounced")
OTHER = replace(OPT_OUT, email="p2@x.io", record_id="78")


class ConsentLedgerRules:
    def test_a_restriction_is_new_once_and_keeps_the_time_it_was_first_seen(self, state: State) -> None:
        new = state.note_consent(ONE, [OPT_OUT, OPT_OUT], [], at=AT)
        again = state.note_consent(ONE, [OPT_OUT, OTHER], [], at=AT + HOUR)

        assert (new, again) == (1, 1)
        assert state.restricted_since(None) == (["p1@x.io", "p2@x.io"], AT + HOUR)
        assert state.restricted_since(AT) == (["p2@x.io"], AT + HOUR)
        assert state.restricted_since(AT + HOUR) == ([], None)

    def test_a_record_lifts_what_its_own_field_said_and_nothing_else(self, state: State) -> None:
        state.note_consent(ONE, [OPT_OUT, BOUNCE, OTHER], [], at=AT)

        state.note_consent(ONE, [], [Lifted("pardot", "77", "optedOut"), Lifted("hubspot", "78", "optedOut")], at=AT)

        assert state.restrictions_of(["p1@x.io", "p2@x.io", ""]) == [BOUNCE, OTHER]
        assert state.restrictions_of([]) == []

    def test_a_restriction_stays_with_the_address_that_it_was_made_for(self, state: State) -> None:
        state.note_consent(ONE, [OPT_OUT], [], at=AT)
        state.note_consent(ONE, [replace(OPT_OUT, email="new@x.io")], [], at=AT)

        assert len(state.restrictions_of(["p1@x.io", "new@x.io"])) == 2
