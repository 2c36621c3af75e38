"""Snowflake's codes → what to do about them. Decided by number, never by message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from snowflake.connector import errors as vendor

from crm_patterns.core.errors import FixSettings, IntegrationError, RetryLater, StopRun

OBJECT_MISSING = frozenset({2003, 2043})


@dataclass(frozen=True, slots=True)
class Meaning:
    """The error to raise, what is wrong (about `{what}`, as `{role}` at `{place}`), and what to do."""

    error: Callable[..., IntegrationError]
    problem: str
    fix: str


_SIGN_IN_FIX = "Correct login, password or key of the warehouse connection in Airflow."
_refused = partial(Meaning, FixSettings)
_later = partial(Meaning, RetryLater)
_wrong = partial(Meaning, StopRun)

_cannot_reach = _later(
    "The warehouse at {place} cannot be reached.",
    "Check host, port and account of the warehouse connection, DNS, proxy and firewall; Airflow tries again.",
)
_missing = _refused(
    "{what} does not exist, or role {role} may not use it.",
    "Grant the role usage of database and schema and the rights on the object (docs/connect-your-accounts.md lists "
    "the grants), or correct the name in the settings.",
)
_does_not_fit = _wrong(
    "A value does not fit its column in {what}.",
    "Nothing was changed. Compare the column's type with the field at the source; a changed type needs a new column.",
)

MEANINGS: dict[int, Meaning] = {
    390100: _refused("The warehouse at {place} refuses this user and password.", _SIGN_IN_FIX),
    390101: _refused("The user of the warehouse connection is disabled at {place}.", _SIGN_IN_FIX),
    390102: _refused(
        "The user of the warehouse connection is locked at {place}.", "Unlock the user, then clear this task."
    ),
    390144: _refused(
        "The warehouse at {place} refuses the key of this user.",
        "Give the user the public key that belongs to the private key of the connection.",
    ),
    390186: _refused(
        "Role {role} is not granted to the user of the warehouse connection.", "Grant it, or name another role."
    ),
    390189: _refused(
        "Role {role} does not exist at {place}, or is not granted.", "Correct the role of the warehouse connection."
    ),
    390201: _refused(
        "The virtual warehouse of the connection does not exist, or {role} may not use it.",
        "Grant usage on it, or correct its name.",
    ),
    390422: _refused(
        "A network policy at {place} does not let this machine in.", "Add its address to the allowed list."
    ),
    390114: _later("The session at {place} expired.", "Airflow tries again."),
    250001: _cannot_reach,
    250003: _cannot_reach,
    250005: _cannot_reach,
    251011: _cannot_reach,
    251012: _cannot_reach,
    251001: _refused("The warehouse connection names no account.", "Fill in the account."),
    251005: _refused("The warehouse connection names no user.", "Fill in the login."),
    251006: _refused("The warehouse connection has neither password nor key.", "Fill in one of them."),
    251008: _refused(
        "The private key of the warehouse connection cannot be read.", "Give a PEM key and its pass phrase."
    ),
    606: _refused(
        "No virtual warehouse is chosen for role {role}.", "Name one on the connection, or set the user's default."
    ),
    90105: _refused(
        "The warehouse connection names no database, or role {role} may not use it.", "Name one and grant usage on it."
    ),
    90073: _refused(
        "The virtual warehouse may not run: its resource monitor has used up its credits.",
        "Raise the quota, or wait for its next period.",
    ),
    3001: _refused(
        "Role {role} lacks a privilege for {what}.",
        "Grant it: docs/connect-your-accounts.md lists the grants; then clear this task.",
    ),
    2003: _missing,
    2043: _missing,
    604: _later("The statement on {what} was cancelled.", "Airflow tries again."),
    625: _later("Another transaction holds {what}.", "Airflow tries again."),
    630: _later(
        "The statement on {what} ran into the warehouse's time limit.",
        "Raise STATEMENT_TIMEOUT_IN_SECONDS or use a larger warehouse.",
    ),
    904: _wrong(
        "A column that the statement names is not in {what}.",
        "Compare the table with the one described in the documentation: was it made by another tool?",
    ),
    1003: _wrong(
        "The warehouse does not understand the statement on {what}.",
        "This is a fault of the statement's template; please report it.",
    ),
    2023: _wrong(
        "A column of {what} has a type that does not fit the contract.",
        "Retype the column, or rename the table and read the object again.",
    ),
    100035: _does_not_fit,
    100038: _does_not_fit,
    100039: _does_not_fit,
    100069: _does_not_fit,
    100071: _does_not_fit,
    100078: _does_not_fit,
    100132: _does_not_fit,
    100090: _wrong(
        "Two rows of one key met in {what}.",
        "Nothing was changed. The source sent a key twice; look at the attempt's Data Docs.",
    ),
    253003: _later("A file could not be uploaded to {what}.", "Airflow tries again."),
    253006: _wrong("A staged file that belongs to {what} is gone.", "Clear the object's extract task."),
}

_OUTAGES = (
    vendor.OperationalError, vendor.InterfaceError, vendor.HttpError, vendor.InternalServerError,
    vendor.ServiceUnavailableError, vendor.GatewayTimeoutError, vendor.BadGatewayError, vendor.RequestTimeoutError,
    vendor.TooManyRequests, vendor.OtherHTTPRetryableError,
)  # fmt: skip


def translate(error: vendor.Error, *, what: str, role: str, place: str) -> IntegrationError:
    """The error to raise from `error`: one sentence, the fix, and the vendor's own words and query id."""
    meaning = MEANINGS.get(error.errno or 0) or _by_class(error)
    problem = meaning.problem.format(what=what, role=role or "(the user's default)", place=place)
    said = " ".join(str(error.raw_msg or error.msg or error).split())[:400]
    query = f", query {error.sfqid}" if error.sfqid else ""
    return meaning.error(f"{problem} (Snowflake {error.errno or 'without code'}{query}: {said})", fix=meaning.fix)


def _by_class(error: vendor.Error) -> Meaning:
    if isinstance(error, _OUTAGES):
        return _later("The warehouse at {place} failed while it worked on {what}.", "Airflow tries again.")
    return _wrong("The warehouse refuses the statement on {what}.", "Nothing was changed. Read its answer.")
