"""Jobs on their shelf: states, restarts, locators."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.salesforce.bulk_csv import Dialect
from sandbox.salesforce.bulk_jobs import BulkJob, JobShelf, abort, delete
from sandbox.salesforce.bulk_query import make_locator, read_locator
from sandbox.salesforce.errors import SalesforceFault


def job(state: str = "UploadComplete", number: int = 1) -> BulkJob:
    created = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return BulkJob(
        id=f"7505g000000000{number}AAA",
        operation="query",
        object_name="Account",
        api_version="62.0",
        dialect=Dialect("PIPE", "CRLF"),
        created_by="0055g0000000000AAA",
        created=created,
        state=state,
        settings={"columns": ["Id"]},
    )


def test_a_job_that_ended_survives_a_restart_and_one_that_ran_has_failed(tmp_path: Path) -> None:
    shelf = JobShelf(tmp_path)
    for number, state in enumerate(("JobComplete", "InProgress", "Open"), start=1):
        shelf.add(job(state, number))

    again = JobShelf(tmp_path)

    states = {each.id[14]: each.state for each in again.page(0)[0]}
    assert states == {"1": "JobComplete", "2": "Failed", "3": "Open"}
    first = again.find("7505g0000000001")
    assert first is not None
    assert first.summary() == job("JobComplete").summary()


def test_an_ended_job_stays_as_it_is() -> None:
    ended = job("Aborted")

    assert not ended.move(to="JobComplete")
    assert ended.state == "Aborted"


def test_only_what_runs_is_aborted_and_only_what_ended_is_deleted(tmp_path: Path) -> None:
    shelf, running = JobShelf(tmp_path), job("InProgress")
    shelf.add(running)

    with pytest.raises(SalesforceFault, match="INVALIDJOBSTATE"):
        delete(running, shelf)
    abort(running, shelf)
    with pytest.raises(SalesforceFault, match="INVALIDJOBSTATE"):
        abort(running, shelf)
    delete(running, shelf)

    assert shelf.find(running.id) is None
    assert list(tmp_path.iterdir()) == []


def test_a_locator_belongs_to_its_job() -> None:
    one, other = job(number=1), job(number=2)
    locator = make_locator(one, 250_000)

    assert locator == make_locator(one, 250_000)
    assert read_locator(one, locator) == 250_000
    assert read_locator(one, None) == 0
    for wrong, owner in ((locator, other), ("", one), ("MA", one), ("null", one)):
        with pytest.raises(SalesforceFault, match="INVALID_QUERY_LOCATOR"):
            read_locator(owner, wrong)
