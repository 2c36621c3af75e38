"""What every state must do with links, agreements, intents, plans and reviews."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from crm_patterns.core.changes import (
    Action,
    Agreement,
    Change,
    Fate,
    FieldChange,
    LinkEnds,
    RecordOutcome,
    Side,
)
from crm_patterns.core.ports import RunKey, Settlement, State
from crm_patterns.core.reviews import Review
from crm_patterns.core.staging import StageRef

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER_AT = AT + timedelta(hours=1)
ONE, TWO = RunKey("crm_marketing_sync", "manual__1"), RunKey("crm_marketing_sync", "manual__2")


def ends(number: int, left: str, right: str) -> LinkEnds:
    return LinkEnds(f"link{number}", "people", "Lead", left, "contacts", right)


def title(change_of: str, *, link: LinkEnds | None = None, after: str = "CEO") -> Change:
    fields = (FieldChange("jobtitle", "CFO", after, agreement=Agreement("l", "r", "right", "b"), agreed_as="title"),)
    return Change("hubspot", "contacts", Action.UPDATE, change_of, change_of, fields, link=link)


def done(change: Change, fate: Fate = Fate.UPDATED, **more: object) -> Settlement:
    return Settlement(change, RecordOutcome(change.change_id, fate, change.record_id, **more))  # type: ignore[arg-type]


class LinkRules:
    def test_a_record_has_one_counterpart_in_a_pairing(self, state: State) -> None:
        first = state.link([ends(1, "L1", "R1"), ends(2, "L2", "R2")], run=ONE, at=AT)
        again = state.link([ends(1, "L1", "R1"), ends(9, "L1", "R1")], run=TWO, at=AT)
        stolen = state.link([ends(3, "L3", "R1"), ends(4, "L1", "R4"), ends(5, "L5", "R5")], run=TWO, at=AT)
        elsewhere = state.link([replace(ends(6, "L1", "R1"), pairing="accounts")], run=ONE, at=AT)

        assert (first, again, elsewhere) == ([], [], [])
        assert [link.link_id for link in stolen] == ["link3", "link4"]
        assert state.links("people", Side.RIGHT, ["R1", "R4", "R5"]) == {
            "R1": ends(1, "L1", "R1"), "R5": ends(5, "L5", "R5"),
        }  # fmt: skip
        assert state.links("people", Side.LEFT, []) == {}

    def test_a_link_moves_with_its_record_and_keeps_what_was_agreed(self, state: State) -> None:
        link = ends(1, "L1", "R1")
        state.link([link, ends(2, "L2", "R2")], run=ONE, at=AT)
        state.begin_writes(ONE, [title("R1", link=link)], at=AT)
        state.settle_writes(ONE, [done(title("R1", link=link))], at=AT)

        moved = state.move_link("people", Side.LEFT, old_id="L1", new_id="C1", run=ONE, at=AT)
        again = state.move_link("people", Side.LEFT, old_id="L1", new_id="C1", run=ONE, at=AT)
        into_linked = state.move_link("people", Side.LEFT, old_id="L2", new_id="C1", run=ONE, at=AT)

        assert (moved, again, into_linked) == (True, False, False)
        assert state.links("people", Side.LEFT, ["L1", "L2", "C1"]) == {"C1": ends(1, "C1", "R1")}
        assert state.links("people", Side.RIGHT, ["R2"]) == {}
        assert state.agreements(["link1"]) == {"link1": {"title": Agreement("l", "r")}}

    def test_a_link_that_ended_leaves_both_free_and_nothing_agreed(self, state: State) -> None:
        link = ends(1, "L1", "R1")
        state.begin_writes(ONE, [title("R1", link=link)], at=AT)
        state.settle_writes(ONE, [done(title("R1", link=link))], at=AT)

        state.end_link("link1", reason="deleted", run=ONE, at=AT)
        state.end_link("link1", reason="deleted", run=ONE, at=AT)

        assert state.agreements(["link1"]) == {}
        assert state.link([ends(2, "L1", "R9"), ends(3, "L9", "R1")], run=TWO, at=AT) == []


class IntentRules:
    def test_an_intent_is_open_until_it_is_settled_and_settled_once_per_run(self, state: State) -> None:
        change = title("R1")

        first = state.begin_writes(ONE, [change], at=AT)
        [still_open] = state.begin_writes(ONE, [change], at=LATER_AT).values()
        state.settle_writes(ONE, [done(change)], at=LATER_AT)
        [settled] = state.begin_writes(ONE, [change], at=LATER_AT).values()
        outcomes = state.outcomes_of(ONE)

        assert first == {}
        assert (still_open.outcome, still_open.run, still_open.written_at) == (None, ONE, AT)
        assert settled.outcome == outcomes[change.change_id] == RecordOutcome(change.change_id, Fate.UPDATED, "R1")

    def test_the_same_edit_of_another_day_is_written_again(self, state: State) -> None:
        change = title("R1")
        state.begin_writes(ONE, [change], at=AT)
        state.settle_writes(ONE, [done(change)], at=AT)

        [before] = state.begin_writes(TWO, [change], at=LATER_AT).values()
        [now] = state.begin_writes(TWO, [change], at=LATER_AT).values()

        assert before.outcome is not None
        assert (now.outcome, now.run) == (None, TWO)
        assert state.outcomes_of(ONE) == {}

    def test_what_was_rejected_stays_so_in_every_run_until_it_is_asked_for_anew(self, state: State) -> None:
        change = title("R1")
        state.begin_writes(ONE, [change], at=AT)
        refusal = done(change, Fate.REJECTED, reason="no", rule="picklist", field_name="jobtitle", allowed=("A", "Ü"))
        state.settle_writes(ONE, [refusal], at=AT)

        [told] = state.begin_writes(TWO, [change], at=LATER_AT).values()
        [kept] = state.begin_writes(TWO, [change], at=LATER_AT, anew=True).values()
        [opened] = state.begin_writes(TWO, [change], at=LATER_AT).values()

        assert told.outcome == kept.outcome == refusal.outcome
        assert opened.outcome is None

    def test_tries_are_counted_over_runs_until_the_change_is_accepted(self, state: State) -> None:
        change = title("R1")
        for run in (ONE, ONE, TWO):
            state.begin_writes(run, [change], at=AT)
            state.settle_writes(run, [done(change, Fate.DEFERRED, reason="locked")], at=AT)

        [deferred] = state.begin_writes(TWO, [change], at=AT).values()
        state.settle_writes(TWO, [done(change)], at=AT)
        [accepted] = state.begin_writes(TWO, [change], at=AT).values()

        assert (deferred.tries, accepted.tries) == (3, 0)

    def test_what_another_run_has_in_flight_is_taken_over_only_when_it_is_old(self, state: State) -> None:
        change = title("R1")
        state.begin_writes(ONE, [change], at=AT)

        [theirs] = state.begin_writes(TWO, [change], at=LATER_AT).values()
        too_young = state.take_over_writes(TWO, [change.change_id], before=AT)
        taken = state.take_over_writes(TWO, [change.change_id], before=LATER_AT)
        [mine] = state.begin_writes(TWO, [change], at=LATER_AT).values()

        assert (theirs.run, theirs.outcome) == (ONE, None)
        assert (too_young, taken) == ([], [change.change_id])
        assert (mine.run, mine.outcome, mine.written_at) == (TWO, None, AT)

    def test_only_what_was_accepted_is_linked_and_agreed(self, state: State) -> None:
        links = [ends(n, f"L{n}", f"R{n}") for n in (1, 2, 3)]
        changes = [title(link.right_id, link=link) for link in links]
        state.begin_writes(ONE, changes, at=AT)

        refused = state.settle_writes(
            ONE,
            [
                done(changes[0]),
                done(changes[1], Fate.REJECTED),
                replace(done(changes[2], Fate.DEFERRED), stays_open=True),
            ],
            at=AT,
        )

        assert refused == []
        assert set(state.agreements(["link1", "link2", "link3"])) == {"link1"}
        assert set(state.outcomes_of(ONE)) == {changes[0].change_id, changes[1].change_id}

    def test_a_created_record_is_linked_by_the_id_it_got_and_a_taken_one_is_told(self, state: State) -> None:
        state.link([ends(1, "L1", "R1")], run=ONE, at=AT)
        new, stolen = ends(2, "L2", ""), ends(3, "L3", "")
        changes = [
            replace(title(k, link=e), action=Action.CREATE, record_id="") for k, e in (("L2", new), ("L3", stolen))
        ]
        state.begin_writes(ONE, changes, at=AT)

        refused = state.settle_writes(
            ONE,
            [
                Settlement(changes[0], RecordOutcome(changes[0].change_id, Fate.CREATED, "R2")),
                Settlement(changes[1], RecordOutcome(changes[1].change_id, Fate.CREATED, "R1")),
            ],
            at=AT,
        )

        assert refused == [ends(3, "L3", "R1")]
        assert state.links("people", Side.LEFT, ["L2", "L3"]) == {"L2": ends(2, "L2", "R2")}
        assert set(state.agreements(["link2", "link3"])) == {"link2"}

    def test_many_at_once_are_noted_and_settled(self, state: State) -> None:
        changes = [title(f"R{n}", link=ends(n, f"L{n}", f"R{n}")) for n in range(1_203)]
        state.begin_writes(ONE, changes, at=AT)
        state.settle_writes(ONE, [done(change) for change in changes], at=AT)

        assert len(state.outcomes_of(ONE)) == len(state.begin_writes(ONE, changes, at=AT)) == 1_203
        assert len(state.links("people", Side.RIGHT, [c.key for c in changes])) == 1_203
        assert len(state.agreements([f"link{n}" for n in range(1_203)])) == 1_203

    def test_a_run_knows_its_plans(self, state: State) -> None:
        state.remember_plan(ONE, "people", StageRef("file:///a", 1, 0, "x"))
        state.remember_plan(ONE, "people", StageRef("file:///b", 2, 0, "y"))
        state.remember_plan(ONE, "accounts", StageRef("file:///c", 3, 0, "z"))

        assert state.plans(ONE) == {
            "accounts": StageRef("file:///c", 3, 0, "z"), "people": StageRef("file:///b", 2, 0, "y"),
        }  # fmt: skip
        assert state.plans(TWO) == {}

    def test_what_was_written_is_published_without_a_value_and_links_are_not(self, state: State) -> None:
        taken, refused, open_one = title("R1"), title("R2"), title("R3")
        linked = replace(title("R4", link=ends(4, "L4", "R4")), action=Action.LINK)
        state.begin_writes(ONE, [taken, refused, open_one, linked], at=AT)
        told = done(refused, Fate.REJECTED, reason="No such title.", rule="INVALID_OPTION", field_name="jobtitle")
        state.settle_writes(ONE, [done(taken), told, done(linked, Fate.UNCHANGED)], at=LATER_AT)

        columns, rows = state.ops_rows("writes", ONE)

        found = {row["record_key"]: row for row in (dict(zip(columns, row, strict=True)) for row in rows)}
        assert {key: (row["fate"], row["reason"]) for key, row in found.items()} == {
            "R1": ("updated", ""), "R2": ("rejected", "No such title."), "R3": ("", ""),
        }  # fmt: skip
        assert (found["R1"]["action"], found["R1"]["settled_at"], found["R3"]["settled_at"]) == (
            "update",
            LATER_AT,
            None,
        )
        assert "CEO" not in str(rows)
        assert state.ops_rows("writes", TWO)[1] == []


class ReviewRules:
    def test_a_question_is_published_when_it_is_asked_and_by_the_run_that_closes_it(self, state: State) -> None:
        link = ends(1, "L1", "R1")
        state.link([link], run=ONE, at=AT)
        review = Review(link, "title", "CFO", "CEO", "both changed")
        state.record_reviews(ONE, [link.link_id], [review], at=AT)

        asked = self.published(state, ONE)
        state.choose_review(review.review_id, Side.LEFT, by="Ada", at=LATER_AT)
        decided = self.published(state, ONE)
        state.start_run(TWO, source="salesforce", run_type="manual", at=LATER_AT)
        state.record_reviews(TWO, [link.link_id], [], at=LATER_AT)

        assert (asked["state"], asked["left_id"], asked["right_id"], asked["choice"]) == ("open", "L1", "R1", "")
        assert (decided["state"], decided["choice"], decided["chosen_by"]) == ("decided", "left", "Ada")
        closed = self.published(state, TWO)
        assert (closed["run_id"], closed["state"], closed["closed_at"]) == (ONE.run_id, "closed", LATER_AT)
        assert "CFO" not in str(closed.values())

    @staticmethod
    def published(state: State, run: RunKey) -> dict[str, object]:
        columns, [row] = state.ops_rows("reviews", run)
        return dict(zip(columns, row, strict=True))

    def test_a_question_is_asked_once_and_its_answer_lasts_until_the_values_change(self, state: State) -> None:
        link = ends(1, "L1", "R1")
        asked = Review(link, "title", "CEO", None, "both were edited")
        other = Review(link, "title", "CEO", "CFO", "both were edited")

        state.record_reviews(ONE, ["link1"], [asked], at=AT)
        chosen = state.choose_review(asked.review_id, Side.LEFT, by="ann", at=AT)
        state.record_reviews(TWO, ["link1"], [asked], at=LATER_AT)
        [waiting] = state.open_reviews("people")
        answers = state.review_choices("people")
        state.record_reviews(TWO, ["link1"], [other], at=LATER_AT)

        assert chosen
        assert (waiting.left, waiting.right, waiting.choice, waiting.chosen_by) == ("CEO", None, Side.LEFT, "ann")
        assert (waiting.asked_at, waiting.reason) == (AT, "both were edited")
        assert answers == {asked.review_id: Side.LEFT}
        assert [r.review_id for r in state.open_reviews("people")] == [other.review_id]
        assert state.review_choices("people") == {}
        assert not state.choose_review(asked.review_id, Side.LEFT, by="ann", at=AT)

    def test_a_question_of_a_pair_that_was_not_compared_stays(self, state: State) -> None:
        reviews = [Review(ends(n, f"L{n}", f"R{n}"), "title", "a", "b", "why") for n in (1, 2)]
        state.record_reviews(ONE, ["link1", "link2"], reviews, at=AT)

        state.record_reviews(TWO, ["link1"], [], at=LATER_AT)
        left = [review.link_id for review in state.open_reviews("people")]
        state.record_reviews(TWO, ["link1"], reviews[:1], at=LATER_AT)

        assert left == ["link2"]
        assert [r.link_id for r in state.open_reviews("people")] == ["link2", "link1"]


class WriteRules(LinkRules, IntentRules, ReviewRules):
    """All of it."""
