"""SOQL against a small org: what it finds, and what it refuses with which code."""

from collections.abc import Iterator

import pytest

from sandbox.salesforce import soql
from sandbox.salesforce.errors import SalesforceFault
from sandbox.salesforce.store import Org
from tests.unit.sandbox.small_org import rows, small_org, sql_rows


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    with small_org(tmp_path_factory.mktemp("org")) as org:
        with org.writing() as cursor:
            cursor.execute('delete from "Campaign"')
            cursor.executemany(
                'insert into "Campaign" ("Id", "Name", "Type", "NumberSent", "IsActive", "StartDate", '
                '"SystemModstamp", "IsDeleted", "Description") values (?, ?, ?, ?, ?, ?, ?, ?, ?)',
                [
                    (
                        "7015g0000000000AAA",
                        "Alpha",
                        "Email",
                        10,
                        True,
                        "2026-05-01",
                        "2026-05-01 00:00:00",
                        False,
                        None,
                    ),
                    (
                        "7015g0000000001AAA",
                        "beta_1",
                        None,
                        None,
                        False,
                        "2026-05-10",
                        "2026-05-10 10:00:00",
                        False,
                        "x",
                    ),
                    (
                        "7015g0000000002AAA",
                        "100% Gamma's",
                        "Webinar",
                        30,
                        True,
                        None,
                        "2026-05-11 10:00:00",
                        False,
                        "y",
                    ),
                    (
                        "7015g0000000003AAA",
                        "delta\nline",
                        "email",
                        3,
                        None,
                        "2026-06-01",
                        "2026-05-12 10:00:00",
                        False,
                        None,
                    ),
                    ("7015g0000000004AAA", "Gone", "Email", 99, True, None, "2026-05-13 10:00:00", True, None),
                ],
            )
            cursor.execute("""update "Account" set "Regions__c" = 'AMER;EMEA' where "Id" = '0015g0000000000AAA'""")
            cursor.execute("""update "Account" set "Regions__c" = 'APAC' where "Id" = '0015g0000000001AAA'""")
        yield org


def names(org: Org, where: str, **more: bool) -> list[str]:
    return [row[0].split()[0][:5] for row in rows(org, f"SELECT Name FROM Campaign WHERE {where} ORDER BY Id", **more)]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Name = 'ALPHA'", ["Alpha"]),
        ("Name != 'alpha'", ["beta_", "100%", "delta"]),
        ("Type != 'Email'", ["beta_", "100%"]),
        ("Type = null", ["beta_"]),
        ("Type = ''", ["beta_"]),
        ("Type <> null AND NumberSent >= 10", ["Alpha", "100%"]),
        ("NOT Type = 'email'", ["beta_", "100%"]),
        ("NOT (NumberSent > 5)", ["beta_", "delta"]),
        ("NumberSent < 1e1 OR IsActive = false", ["beta_", "delta"]),
        ("IsActive = false", ["beta_", "delta"]),
        ("Type IN ('EMAIL', 'webinar')", ["Alpha", "100%", "delta"]),
        ("Type NOT IN ('email')", ["beta_", "100%"]),
        ("Type IN ('Webinar', null)", ["beta_", "100%"]),
        ("Name LIKE 'B%'", ["beta_"]),
        ("Name LIKE '%\\_1'", ["beta_"]),
        ("Name LIKE '____'", []),
        ("Name LIKE '100\\% g%'", ["100%"]),
        ("Name = '100% Gamma\\'s'", ["100%"]),
        ("Name = 'delta\\nline'", ["delta"]),
        ("StartDate = 2026-05-10", ["beta_"]),
        ("StartDate > 2026-05-01 AND StartDate <= 2026-06-01", ["beta_", "delta"]),
        (
            "SystemModstamp >= 2026-05-10T12:00:00+02:00 AND SystemModstamp < 2026-05-12T10:00:00.000Z",
            ["beta_", "100%"],
        ),
        ("Id = '7015g0000000000'", ["Alpha"]),
        ("Id IN ('7015g0000000001AAA', '7015g0000000003')", ["beta_", "delta"]),
        ("(Name = 'Alpha' OR Name = 'beta_1') AND (NOT IsActive = true)", ["beta_"]),
    ],
)
def test_conditions(org: Org, where: str, found: list[str]) -> None:
    assert names(org, where) == found


def test_deleted_rows_show_in_query_all_alone(org: Org) -> None:
    assert names(org, "Name = 'Gone'") == []
    assert names(org, "Name = 'Gone'", include_deleted=True) == ["Gone"]
    assert names(org, "IsDeleted = true", include_deleted=True) == ["Gone"]


def test_archived_tasks_show_in_query_all_alone(org: Org) -> None:
    text = "SELECT COUNT() FROM Task WHERE IsDeleted = false"
    archived = sql_rows(org, 'select count(*) from "Task" where "IsArchived" and not "IsDeleted"')[0][0]

    assert archived > 0
    assert rows(org, text, include_deleted=True)[0][0] - rows(org, text)[0][0] == archived


def test_multipicklists(org: Org) -> None:
    def found(condition: str) -> set[str]:
        mine = "Id IN ('0015g0000000000AAA', '0015g0000000001AAA')"
        return {row[0][-4] for row in rows(org, f"SELECT Id FROM Account WHERE {mine} AND Regions__c {condition}")}

    assert found("INCLUDES ('AMER;EMEA')") == {"0"}
    assert found("INCLUDES ('AMER;APAC', 'apac')") == {"1"}
    assert found("EXCLUDES ('APAC')") == {"0"}


def test_order_by_puts_nulls_where_asked(org: Org) -> None:
    def order(clause: str) -> list[float | None]:
        return [row[0] and float(row[0]) for row in rows(org, f"SELECT NumberSent FROM Campaign ORDER BY {clause}")]

    assert order("NumberSent") == [None, 3, 10, 30]
    assert order("NumberSent DESC") == [30, 10, 3, None]
    assert order("NumberSent ASC NULLS LAST") == [3, 10, 30, None]
    assert order("NumberSent DESC NULLS FIRST") == [None, 30, 10, 3]


def test_limit_and_offset(org: Org) -> None:
    assert [row[0] for row in rows(org, "SELECT Name FROM Campaign ORDER BY Name LIMIT 2 OFFSET 1")] == [
        "Alpha",
        "beta_1",
    ]
    assert rows(org, "SELECT COUNT() FROM Campaign LIMIT 2") == [(2,)]


def test_parent_paths_several_levels_up(org: Org) -> None:
    text = "SELECT Id, Account.Name, Account.Owner.Username, Owner.Name FROM Opportunity WHERE Account.Name != null"

    found = rows(org, text)

    expected = sql_rows(
        org,
        'select o."Id", a."Name", u."Username", concat_ws(\' \', w."FirstName", w."LastName") from "Opportunity" o '
        'join "Account" a on a."Id" = o."AccountId" join "User" u on u."Id" = a."OwnerId" '
        'join "User" w on w."Id" = o."OwnerId" where not o."IsDeleted"',
    )
    assert sorted(found) == sorted(expected)
    assert found


def test_polymorphic_parents_tell_name_and_type(org: Org) -> None:
    kinds = {row[1] for row in rows(org, "SELECT Who.Name, Who.Type FROM Task WHERE WhoId != null")}

    assert kinds == {"Contact", "Lead"}
    assert rows(org, "SELECT COUNT() FROM Task WHERE Who.Type = 'Lead'")[0][0] > 0


def test_semi_joins(org: Org) -> None:
    inside = rows(org, "SELECT COUNT() FROM Account WHERE Id IN (SELECT AccountId FROM Opportunity WHERE IsWon = true)")
    outside = rows(
        org, "SELECT COUNT() FROM Account WHERE Id NOT IN (SELECT AccountId FROM Opportunity WHERE IsWon = true)"
    )

    assert inside[0][0] > 0
    assert inside[0][0] + outside[0][0] == rows(org, "SELECT COUNT() FROM Account")[0][0]


def test_groups_and_having(org: Org) -> None:
    text = "SELECT StageName s, COUNT(Id), MAX(Amount) FROM Opportunity GROUP BY StageName HAVING COUNT(Id) > 5"
    compiled = soql.compile(org, text, bulk=False, include_deleted=False)

    assert compiled.aggregate
    assert [column.header for column in compiled.columns] == ["s", "expr0", "expr1"]
    assert all(row[1] > 5 for row in rows(org, text))


def test_fields_functions(org: Org) -> None:
    standard = soql.compile(org, "SELECT FIELDS(STANDARD) FROM Account", bulk=False, include_deleted=False).columns
    custom = soql.compile(
        org, "SELECT FIELDS(CUSTOM) FROM Account LIMIT 200", bulk=False, include_deleted=False
    ).columns

    assert not any(column.header.endswith("__c") for column in standard)
    assert all(column.header.endswith("__c") for column in custom)
    assert len(standard) + len(custom) == len(org.fields("Account"))


def test_bulk_headers_are_in_proper_spelling_and_order(org: Org) -> None:
    compiled = soql.compile(org, "select NAME, account.name, ID from opportunity", bulk=True, include_deleted=True)

    assert [column.header for column in compiled.columns] == ["Name", "Account.Name", "Id"]
    assert [column.type for column in compiled.columns] == ["string", "string", "id"]
    assert compiled.object_name == "Opportunity"


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("SELECT Id, FROM Account", "MALFORMED_QUERY", "unexpected token: 'FROM'"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("", "MALFORMED_QUERY", "query string"),
        ("SELECT Nope FROM Account", "INVALID_FIELD", "No such column 'Nope' on entity 'Account'"),
        ("SELECT Nope__r.Name FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Nope__r'"),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported"),
        ("SELECT Id FROM Account WHERE CreatedDate > '2026-01-01'", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "should be enclosed in quotes"),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Account ORDER BY Description", "INVALID_FIELD", "can not be sorted"),
        ("SELECT Id FROM Account WHERE Id = 'abc'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: abc"),
        ("SELECT Id FROM Account WHERE OwnerId LIKE '005%'", "INVALID_QUERY_FILTER_OPERATOR", "LIKE"),
        ("SELECT Id FROM Account LIMIT 1 OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
        ("SELECT FIELDS(ALL) FROM Account", "MALFORMED_QUERY", "LIMIT of at most 200"),
        ("SELECT FIELDS(CUSTOM) FROM Account LIMIT 201", "MALFORMED_QUERY", "LIMIT of at most 200"),
        ("SELECT Id, Id FROM Account", "MALFORMED_QUERY", "duplicate field selected: Id"),
        ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY", "must be grouped or aggregated: Name"),
        ("SELECT Id FROM Account ALL ROWS", "MALFORMED_QUERY", "ALL ROWS"),
        ("SELECT Id FROM Account WHERE Name = 'a\\q'", "MALFORMED_QUERY", "Illegal character"),
        ("SELECT Id FROM Account WHERE StartDate = 2026-02-30", "INVALID_FIELD", "StartDate"),
        ("SELECT Id FROM Campaign WHERE StartDate = 2026-02-30", "MALFORMED_QUERY", "2026-02-30"),
        ("SELECT Id FROM Account WHERE Name = '" + "x" * 100_000 + "'", "QUERY_TOO_COMPLICATED", "100000"),
    ],
)
def test_refusals(org: Org, text: str, code: str, part: str) -> None:
    with pytest.raises(SalesforceFault) as caught:
        rows(org, text)

    assert (caught.value.status, caught.value.code) == (400, code)
    assert part in caught.value.message


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("SELECT BillingAddress FROM Account", "FUNCTIONALITY_NOT_ENABLED", "Selecting compound data not supported"),
        ("SELECT Id FROM TaskStatus", "INVALIDENTITY", "Entity 'TaskStatus' is not supported by the Bulk API."),
        ("SELECT COUNT() FROM Account", "FEATURENOTENABLED", "Aggregate functions"),
        ("SELECT StageName FROM Opportunity GROUP BY StageName", "FEATURENOTENABLED", "GROUP BY"),
        ("SELECT Id FROM Account OFFSET 5", "FEATURENOTENABLED", "OFFSET"),
        ("SELECT FIELDS(STANDARD) FROM Account", "FEATURENOTENABLED", "FIELDS"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "FEATURENOTENABLED", "Aggregate Relationships"),
    ],
)
def test_what_bulk_refuses_and_rest_serves(org: Org, text: str, code: str, part: str) -> None:
    rows(org, text)
    with pytest.raises(SalesforceFault) as caught:
        rows(org, text, bulk=True)

    assert caught.value.code == code
    assert part in caught.value.message


def test_a_mistake_is_pointed_at(org: Org) -> None:
    with pytest.raises(SalesforceFault) as caught:
        rows(org, "SELECT Id,\n  Nope FROM Account")

    assert caught.value.message.startswith("\n  Nope FROM Account\n  ^\nERROR at Row:2:Column:3\nNo such column")


def test_five_thousand_ids_fit_into_one_query(org: Org) -> None:
    ids = [row[0] for row in rows(org, "SELECT Id FROM Contact")]
    many = ", ".join(f"'{each}'" for each in (ids * 40)[:4500])

    assert len(rows(org, f"SELECT Id FROM Contact WHERE Id IN ({many})")) == len(ids)
