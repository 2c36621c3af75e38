"""What a statement needs, and what is refused when it was revoked."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.warehouse_privileges import Privileges, Refused, Session

LOADER, ADMIN = Session("LOADER", "CRM", "PUBLIC"), Session("ADMIN", "CRM", "PUBLIC")
MERGE = """
    -- Newer wins.
    merge into "SALESFORCE"."ACCOUNT" as kept using (select * from CRM_ATTEMPTS.ACCOUNT__1) as incoming
    on kept.id = incoming.id
    when matched then update set n = incoming.n
    when not matched then insert (id, n) values (incoming.id, incoming.n)
"""


@pytest.fixture
def privileges(tmp_path: Path) -> Privileges:
    return Privileges(tmp_path / "privileges.json")


@pytest.mark.parametrize(
    ("revoked", "statement", "on"),
    [
        ("insert on table SALESFORCE.ACCOUNT", MERGE, "table 'ACCOUNT'"),
        ("update on table CRM.SALESFORCE.ACCOUNT", MERGE, "table 'ACCOUNT'"),
        ("select on CRM_ATTEMPTS.ACCOUNT__1", MERGE, "table 'ACCOUNT__1'"),
        ("create table on schema SALESFORCE", 'create transient table "SALESFORCE"."X" (n int)', "schema 'SALESFORCE'"),
        ("create table on schema SALESFORCE", "create table SALESFORCE.X as select 1 as n", "schema 'SALESFORCE'"),
        ("create table on schema PUBLIC", "create or replace table X (n int)", "schema 'PUBLIC'"),
        ("create stage on schema A", "create stage if not exists A.LANDING", "schema 'A'"),
        ("create schema on database CRM", "create schema if not exists SALESFORCE", "database 'CRM'"),
        ("insert on table A.T", "copy into A.T from @A.LANDING/f/ file_format = (type = parquet)", "table 'T'"),
        ("insert on table A.T", "insert into A.T (n) select 1", "table 'T'"),
        ("update on table A.T", "update A.T set n = 1", "table 'T'"),
        ("delete on table A.T", "delete from A.T where n = 1", "table 'T'"),
        ("delete on table A.T", "merge into A.T using A.S on true when matched then delete", "table 'T'"),
        ("truncate on table A.T", "truncate table A.T", "table 'T'"),
        ("ownership on table A.T", "alter table A.T add column m int", "table 'T'"),
        ("ownership on table A.T", "drop table if exists A.T", "table 'T'"),
        ("select on table A.T", "with one as (select n from A.T) select n from one", "table 'T'"),
    ],
)
def test_what_a_statement_needs_is_refused_once_it_is_revoked(
    privileges: Privileges, revoked: str, statement: str, on: str
) -> None:
    privileges.check(statement, LOADER)
    privileges.change(f"revoke {revoked} from role LOADER", ADMIN)

    with pytest.raises(Refused) as refused:
        privileges.check(statement, LOADER)

    assert (refused.value.code, refused.value.state) == ("003001", "42501")
    assert refused.value.message == f"SQL access control error:\nInsufficient privileges to operate on {on}"
    privileges.check(statement, ADMIN)
    privileges.change(f"grant {revoked} to role LOADER", ADMIN)
    privileges.check(statement, LOADER)


@pytest.mark.parametrize(
    "statement",
    [
        "select n from SALESFORCE.ACCOUNT",
        'merge into "SALESFORCE"."OTHER" as t using (select 1 as n) as s on t.n = s.n when matched then delete',
        'create table "CRM_ATTEMPTS"."ACCOUNT" (n int)',
        'describe table "SALESFORCE"."ACCOUNT"',
        "insert into ACCOUNT (n) values (1)",
        "put 'file:///x' @SALESFORCE.LANDING/f auto_compress = false",
        "selec nonsense from",
    ],
)
def test_what_needs_other_rights_is_not_refused(privileges: Privileges, statement: str) -> None:
    privileges.change("revoke insert, update, delete on table SALESFORCE.ACCOUNT from role LOADER", ADMIN)
    privileges.change("revoke create table on schema SALESFORCE from role LOADER", ADMIN)

    privileges.check(statement, LOADER)


def test_without_usage_nothing_in_the_schema_is_there(privileges: Privileges) -> None:
    privileges.change("revoke usage on schema SALESFORCE from role LOADER", ADMIN)

    with pytest.raises(Refused, match=r"'CRM\.SALESFORCE' does not exist or not authorized") as refused:
        privileges.check('describe table "SALESFORCE"."ACCOUNT"', LOADER)

    assert refused.value.code == "002003"


def test_what_is_revoked_is_still_revoked_after_a_restart(privileges: Privileges) -> None:
    privileges.change("revoke create schema on database CRM from role LOADER", ADMIN)

    with pytest.raises(Refused):
        Privileges(privileges.file).check("create schema X", LOADER)


def test_a_role_cannot_grant_itself_what_it_lost(privileges: Privileges) -> None:
    privileges.change("revoke insert on table SALESFORCE.ACCOUNT from role LOADER", ADMIN)

    with pytest.raises(Refused, match="Insufficient privileges"):
        privileges.change("grant insert on table SALESFORCE.ACCOUNT to role LOADER", LOADER)
    with pytest.raises(Refused, match="Insufficient privileges"):
        privileges.check("insert into SALESFORCE.ACCOUNT (n) values (1)", LOADER)


def test_a_revoke_that_cannot_be_kept_says_so(privileges: Privileges) -> None:
    with pytest.raises(Refused, match="keeps REVOKE"):
        privileges.change("revoke usage on warehouse CRM_WH from role LOADER", ADMIN)
