"""Snowflake's codes become errors that say what to do, whatever the message says."""

from __future__ import annotations

import pytest
from snowflake.connector import errors as vendor

from crm_patterns.core.errors import FixSettings, IntegrationError, RetryLater, StopRun
from crm_patterns.warehouse.errors import MEANINGS, translate


def said(error: vendor.Error) -> IntegrationError:
    return translate(error, what="SALESFORCE.ORDER", role="LOADER", place="acme.snowflakecomputing.com:443")


@pytest.mark.parametrize(
    ("errno", "kind", "sentence"),
    [
        (3001, FixSettings, "Role LOADER lacks a privilege for SALESFORCE.ORDER."),
        (2003, FixSettings, "SALESFORCE.ORDER does not exist, or role LOADER may not use it."),
        (390100, FixSettings, "The warehouse at acme.snowflakecomputing.com:443 refuses this user and password."),
        (250001, RetryLater, "The warehouse at acme.snowflakecomputing.com:443 cannot be reached."),
        (630, RetryLater, "The statement on SALESFORCE.ORDER ran into the warehouse's time limit."),
        (100078, StopRun, "A value does not fit its column in SALESFORCE.ORDER."),
    ],
)
def test_a_code_gives_its_error_its_sentence_and_its_fix(
    errno: int, kind: type[IntegrationError], sentence: str
) -> None:
    error = said(vendor.ProgrammingError(msg="the vendor's own words", errno=errno, sfqid="01b2"))

    assert type(error) is kind
    assert error.problem.startswith(sentence)
    assert "the vendor's own words" in error.problem
    assert "query 01b2" in error.problem
    assert error.fix


def test_a_code_that_nobody_knows_stops_the_run() -> None:
    assert type(said(vendor.ProgrammingError(msg="?", errno=987654))) is StopRun


@pytest.mark.parametrize("kind", [vendor.OperationalError, vendor.InterfaceError, vendor.ServiceUnavailableError])
def test_an_outage_without_a_known_code_is_tried_again(kind: type[vendor.Error]) -> None:
    assert type(said(kind(msg="?"))) is RetryLater


def test_the_users_own_role_is_named_where_there_is_none() -> None:
    error = translate(vendor.ProgrammingError(msg="?", errno=3001), what="X", role="", place="here")

    assert "(the user's default)" in error.problem


def test_every_meaning_is_a_sentence_with_a_fix() -> None:
    for errno, meaning in MEANINGS.items():
        assert meaning.problem.endswith("."), errno
        assert meaning.fix.rstrip("?").endswith((".", "tool")), errno
