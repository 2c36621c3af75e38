"""What is sent again, when, and when no longer."""

from __future__ import annotations

import pytest

from crm_patterns.clients.retrying import Patience, Unanswered, Unreachable
from crm_patterns.core.errors import FixSettings, IntegrationError, OutOfBudget, RetryLater, SchemaMoved


class Flaky:
    """Raises the given errors in turn, then returns."""

    def __init__(self, *errors: IntegrationError) -> None:
        self.errors = list(errors)
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


class Pauses(list[float]):
    """Stands for sleeping: keeps the pauses and returns at once."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def patience(pauses: Pauses, **changes: float) -> Patience:
    return Patience(**{"limit_s": 60.0, "first_wait_s": 1.0, "longest_wait_s": 4.0, **changes}, sleep=pauses)


def test_passing_faults_are_repeated_with_growing_pauses() -> None:
    pauses, work = Pauses(), Flaky(*[RetryLater("later")] * 5)

    assert patience(pauses).run(work, repeatable=True) == "done"
    assert work.tries == 6
    for pause, whole in zip(pauses, [1.0, 2.0, 4.0, 4.0, 4.0], strict=True):
        assert whole / 2 <= pause <= whole


def test_the_servers_own_pause_is_honoured() -> None:
    pauses = Pauses()

    patience(pauses).run(Flaky(RetryLater("later", retry_after_s=17.0)), repeatable=True)

    assert pauses == [17.0]


def test_a_pause_beyond_the_limit_is_not_begun() -> None:
    pauses, work = Pauses(), Flaky(RetryLater("later", retry_after_s=61.0))

    with pytest.raises(RetryLater, match="later"):
        patience(pauses).run(work, repeatable=True)
    assert (work.tries, pauses) == (1, [])


def test_a_host_that_never_answers_is_given_up_sooner() -> None:
    pauses, work = Pauses(), Flaky(Unreachable("nothing there", retry_after_s=3.0))

    with pytest.raises(Unreachable):
        patience(pauses, unreachable_limit_s=2.0).run(work, repeatable=True)
    assert work.tries == 1


@pytest.mark.parametrize("error", [FixSettings("no"), OutOfBudget("no"), SchemaMoved("no")])
def test_what_does_not_pass_is_not_repeated(error: IntegrationError) -> None:
    work = Flaky(error)

    with pytest.raises(type(error)):
        patience(Pauses()).run(work, repeatable=True)
    assert work.tries == 1


def test_what_may_have_arrived_is_not_sent_twice() -> None:
    work = Flaky(Unanswered("the answer was lost"))

    with pytest.raises(Unanswered):
        patience(Pauses()).run(work, repeatable=False)
    assert work.tries == 1


@pytest.mark.parametrize("error", [Unreachable("not sent"), RetryLater("refused, try later")])
def test_what_certainly_had_no_effect_is_sent_again(error: IntegrationError) -> None:
    assert patience(Pauses()).run(Flaky(error), repeatable=False) == "done"


def test_the_last_error_is_raised_when_time_is_up() -> None:
    work = Flaky(*[RetryLater(f"try {n}") for n in range(1, 100)])
    hurried = Patience(limit_s=0.2, first_wait_s=0.02, longest_wait_s=0.02)

    with pytest.raises(RetryLater) as caught:
        hurried.run(work, repeatable=True)
    assert caught.value.problem == f"try {work.tries}"
    assert work.tries > 3
