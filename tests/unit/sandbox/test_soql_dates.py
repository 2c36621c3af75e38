"""Relative date literals, on Wednesday 20 May 2026."""

from datetime import date

import pytest

from sandbox.salesforce.soql_dates import span

TODAY = date(2026, 5, 20)


@pytest.mark.parametrize(
    ("literal", "first", "end"),
    [
        ("TODAY", "2026-05-20", "2026-05-21"),
        ("yesterday", "2026-05-19", "2026-05-20"),
        ("TOMORROW", "2026-05-21", "2026-05-22"),
        ("THIS_WEEK", "2026-05-17", "2026-05-24"),
        ("LAST_WEEK", "2026-05-10", "2026-05-17"),
        ("NEXT_MONTH", "2026-06-01", "2026-07-01"),
        ("THIS_QUARTER", "2026-04-01", "2026-07-01"),
        ("LAST_QUARTER", "2026-01-01", "2026-04-01"),
        ("LAST_YEAR", "2025-01-01", "2026-01-01"),
        ("LAST_90_DAYS", "2026-02-19", "2026-05-21"),
        ("LAST_N_DAYS:3", "2026-05-17", "2026-05-21"),
        ("NEXT_N_DAYS:3", "2026-05-21", "2026-05-24"),
        ("N_DAYS_AGO:3", "2026-05-17", "2026-05-18"),
        ("LAST_N_MONTHS:2", "2026-03-01", "2026-05-01"),
        ("LAST_N_WEEKS : 2", "2026-05-03", "2026-05-17"),
        ("NEXT_N_YEARS:1", "2027-01-01", "2028-01-01"),
        ("N_QUARTERS_AGO:5", "2025-01-01", "2025-04-01"),
    ],
)
def test_a_literal_covers_its_days(literal: str, first: str, end: str) -> None:
    assert span(literal, TODAY) == (date.fromisoformat(first), date.fromisoformat(end))


def test_a_literal_beyond_the_calendar_is_an_error() -> None:
    with pytest.raises(ValueError, match="out of range"):
        span("LAST_N_DAYS:9999999", TODAY)
