"""Which fault hits which event, and for how long."""

import pytest
from pydantic import ValidationError

from sandbox.faults import FaultBoard, HttpFault
from sandbox.salesforce.faults import PRESETS, JobFault, PresetFault, RowFault


def taken(board: FaultBoard, method: str, target: str) -> str | None:
    fault = board.take(HttpFault, lambda each: each.hits(method, target))
    return fault.label if fault else None


def test_the_first_match_wins_until_it_is_used_up() -> None:
    board = FaultBoard()
    board.add(HttpFault(kind="status", path="/query", count=2, label="first"))
    board.add(HttpFault(kind="status", count=None, label="rest"))

    assert [taken(board, "GET", "/query?q=1") for _ in range(4)] == ["first", "first", "rest", "rest"]
    assert [each["label"] for each in board.listed()] == ["rest"]


def test_skip_lets_pass_and_method_is_asked() -> None:
    board = FaultBoard()
    number = board.add(HttpFault(kind="drop", method="post", skip=1, label="it"))

    assert [taken(board, method, "/") for method in ("GET", "POST", "POST", "POST")] == [None, None, "it", None]
    assert board.remove(number) is False


def test_sorts_do_not_meet() -> None:
    board = FaultBoard()
    board.add(JobFault(kind="job_stuck", object="account"))

    assert taken(board, "GET", "/") is None
    assert board.take(JobFault, lambda each: each.hits("query", "Lead")) is None
    assert board.take(JobFault, lambda each: each.hits("query", "Account")) is not None


def test_a_row_fault_is_narrowed_by_a_value() -> None:
    fault = RowFault(kind="row_failure", object="Lead", field="email", matches="@bad\\.")

    assert fault.hits("insert", "Lead", {"Email": "x@bad.example"})
    assert not fault.hits("insert", "Lead", {"Email": "x@good.example"})
    assert not fault.hits("insert", "Lead", {"Email": None})
    assert not fault.hits("insert", "Contact", {"Email": "x@bad.example"})


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_each_preset_is_a_status_fault(name: str) -> None:
    fault = PresetFault(preset=name, count=3, retry_after=5).as_http_fault()

    assert (fault.kind, fault.label, fault.count, fault.headers["Retry-After"]) == ("status", name, 3, "5")


def test_a_path_that_is_no_expression_is_refused() -> None:
    with pytest.raises(ValidationError, match="not a regular expression"):
        HttpFault(kind="drop", path="(")
