"""What every state must do with the inbox of events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from crm_patterns.core.ports import InboxEvent, InboxLevel, InboxLimits, RunKey, State

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
ONE, TWO = RunKey("crm_marketing_sync", "asset__1"), RunKey("crm_marketing_sync", "asset__2")
LIMITS = InboxLimits(lease=HOUR, again_after=5 * MINUTE, announcements=3, claimed=2)


def event(number: int, *, system: str = "hubspot") -> InboxEvent:
    return InboxEvent(
        f"{system}-{number}", system, "contacts", str(number), "contact.propertyChange", AT + number * SECOND, AT
    )


class InboxRules:
    def test_an_event_is_kept_once_however_often_it_is_delivered(self, state: State) -> None:
        first = state.store_events([event(1), event(2), event(1)])
        again = state.store_events([event(2), replace(event(1), received_at=AT + HOUR), event(3)])
        nothing = state.store_events([])

        assert (first, again, nothing) == (2, 1, 0)
        assert state.claim_events(ONE, "hubspot", at=AT, limits=InboxLimits()) == [event(1), event(2), event(3)]

    def test_an_event_that_was_settled_does_not_come_back(self, state: State) -> None:
        state.store_events([event(1)])
        state.claim_events(ONE, "hubspot", at=AT, limits=LIMITS)
        state.settle_events(ONE, at=AT)

        assert state.store_events([event(1)]) == 0
        assert state.announce_events("hubspot", at=AT + 2 * HOUR, limits=LIMITS) == 0
        assert state.claim_events(TWO, "hubspot", at=AT + 2 * HOUR, limits=LIMITS) == []
        assert state.inbox_levels() == {}

    def test_what_a_run_has_claimed_no_other_gets_and_itself_gets_again(self, state: State) -> None:
        state.store_events([event(2), event(1), event(9, system="salesforce")])

        mine = state.claim_events(ONE, "hubspot", at=AT, limits=LIMITS)
        state.store_events([event(3)])
        theirs = state.claim_events(TWO, "hubspot", at=AT, limits=LIMITS)
        again = state.claim_events(ONE, "hubspot", at=AT + MINUTE, limits=LIMITS)
        assert state.claimed_events(ONE) == mine
        other_system = state.claim_events(ONE, "salesforce", at=AT, limits=LIMITS)

        assert mine == again == [event(1), event(2)]
        assert theirs == [event(3)]
        assert other_system == [event(9, system="salesforce")]
        assert state.inbox_levels() == {
            "hubspot": InboxLevel(0, 3, event(1).received_at),
            "salesforce": InboxLevel(0, 1, event(9).received_at),
        }

    def test_the_events_of_a_run_that_died_go_to_another_when_its_lease_ends(self, state: State) -> None:
        state.store_events([event(1)])
        state.claim_events(ONE, "hubspot", at=AT, limits=LIMITS)

        early = state.claim_events(TWO, "hubspot", at=AT + HOUR, limits=LIMITS)
        is_announced = state.announce_events("hubspot", at=AT + HOUR + SECOND, limits=LIMITS)
        late = state.claim_events(TWO, "hubspot", at=AT + HOUR + SECOND, limits=LIMITS)

        assert (early, is_announced, late) == ([], 1, [event(1)])
        assert state.settle_events(ONE, at=AT + 2 * HOUR) == 0
        assert state.settle_events(TWO, at=AT + 2 * HOUR) == 1

    def test_what_is_given_back_waits_again_and_the_rest_is_done(self, state: State) -> None:
        state.store_events([event(1), event(2)])
        state.claim_events(ONE, "hubspot", at=AT, limits=LIMITS)

        assert state.settle_events(ONE, at=AT, give_back=[event(1).event_id, "unknown"]) == 1
        assert state.inbox_levels() == {"hubspot": InboxLevel(1, 0, event(1).received_at)}
        assert state.claim_events(TWO, "hubspot", at=AT, limits=LIMITS) == [event(1)]

    def test_an_event_is_announced_once_then_seldom_and_not_for_ever(self, state: State) -> None:
        state.store_events([event(1), event(9, system="salesforce")])

        def announced(after: timedelta) -> int:
            return state.announce_events("hubspot", at=AT + after, limits=LIMITS)

        assert [announced(SECOND), announced(2 * SECOND), announced(5 * MINUTE)] == [1, 0, 0]
        assert [announced(6 * MINUTE), announced(7 * MINUTE), announced(12 * MINUTE)] == [1, 0, 1]
        assert announced(10 * HOUR) == 0
        assert state.claim_events(ONE, "hubspot", at=AT + 10 * HOUR, limits=LIMITS) == [event(1)]

    def test_what_a_claim_leaves_over_is_announced_at_once(self, state: State) -> None:
        state.store_events([event(n) for n in (1, 2, 3)])
        announced = state.announce_events("hubspot", at=AT, limits=LIMITS)

        mine = state.claim_events(ONE, "hubspot", at=AT, limits=LIMITS)

        assert (announced, mine) == (3, [event(1), event(2)])
        assert state.announce_events("hubspot", at=AT + SECOND, limits=LIMITS) == 1

    def test_settled_events_and_old_counts_are_forgotten_and_no_others(self, state: State) -> None:
        state.store_events([event(n) for n in (1, 2, 3)])
        state.count_refusals("hubspot", {"bad_signature": 1}, at=AT - timedelta(days=9))
        state.claim_events(ONE, "hubspot", at=AT, limits=LIMITS)
        state.settle_events(ONE, at=AT, give_back=[event(2).event_id])

        assert state.forget_events(before=AT) == 0
        assert state.forget_events(before=AT + SECOND) == 1
        assert state.inbox_levels() == {"hubspot": InboxLevel(2, 0, event(2).received_at)}
        assert state.refusals(since=AT - timedelta(days=30)) == []

    def test_refusals_are_counted_by_day_endpoint_and_reason(self, state: State) -> None:
        state.count_refusals("hubspot", {"bad_signature": 2, "too_large": 1}, at=AT)
        state.count_refusals("hubspot", {"bad_signature": 3}, at=AT + HOUR)
        state.count_refusals("hubspot", {"bad_signature": 1}, at=AT + timedelta(days=1))

        counted = state.refusals(since=AT)

        assert [(each.day, each.endpoint, each.reason, each.count) for each in counted] == [
            ("2026-03-02", "hubspot", "bad_signature", 1),
            ("2026-03-01", "hubspot", "bad_signature", 5),
            ("2026-03-01", "hubspot", "too_large", 1),
        ]
        assert counted[1].last_at == AT + HOUR
        assert state.refusals(since=AT + timedelta(days=2)) == []
