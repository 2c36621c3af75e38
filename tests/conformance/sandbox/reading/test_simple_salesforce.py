"""A client that we did not write cannot tell the stand-in from the original: simple-salesforce, unchanged.

It speaks https alone; a requests adapter carries its calls to the stand-in's address, and nothing else is changed.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)
from simple_salesforce.login import SalesforceLogin

from tests.sandbox_process import SandboxProcess


class PlainHttp(HTTPAdapter):
    """Carries https requests of any host to one http address."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._address = urlsplit(url)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = urlsplit(str(request.url))._replace(scheme="http", netloc=self._address.netloc).geturl()
        return super().send(request, *args, **kwargs)


@pytest.fixture
def session(salesforce: SandboxProcess) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.mount("https://", PlainHttp(salesforce.url))
        yield session


@pytest.fixture
def client(salesforce: SandboxProcess, session: requests.Session) -> Salesforce:
    known = salesforce.credentials
    return Salesforce(
        username=known["username"],
        password=known["password"],
        security_token=known["security_token"],
        session=session,
        version="62.0",
    )


def test_its_soap_login_signs_in(client: Salesforce, salesforce: SandboxProcess) -> None:
    assert client.session_id.startswith(salesforce.credentials["organization_id"])
    assert client.sf_instance == urlsplit(salesforce.url).netloc


def test_its_soap_login_reports_a_wrong_password(salesforce: SandboxProcess, session: requests.Session) -> None:
    known = salesforce.credentials

    with pytest.raises(SalesforceAuthenticationFailed) as caught:
        SalesforceLogin(username=known["username"], password="no", security_token="no", session=session)

    assert caught.value.code == "INVALID_LOGIN"


def test_its_other_three_ways_sign_in(salesforce: SandboxProcess, session: requests.Session) -> None:
    known = salesforce.credentials
    app = {"consumer_key": known["consumer_key"], "consumer_secret": known["consumer_secret"]}
    key_file = {"consumer_key": known["consumer_key"], "privatekey_file": known["private_key_file_path"]}
    person = {"username": known["username"]}

    tokens = [
        SalesforceLogin(session=session, domain="acme.my", **app)[0],
        SalesforceLogin(session=session, **person, **key_file)[0],
        SalesforceLogin(session=session, **person, password=known["password"] + known["security_token"], **app)[0],
    ]

    assert all("!" in token for token in tokens)


def test_it_follows_the_pages_of_a_query(client: Salesforce) -> None:
    expected = client.query("SELECT COUNT() FROM Task")["totalSize"]

    found = client.query_all("SELECT Id, Subject, Who.Name FROM Task")

    assert found["totalSize"] == expected > 2000
    assert len({record["Id"] for record in found["records"]}) == expected


def test_it_sees_deleted_rows_by_query_all_alone(client: Salesforce) -> None:
    living = client.query("SELECT COUNT() FROM Lead")["totalSize"]
    everything = client.query("SELECT COUNT() FROM Lead", include_deleted=True)["totalSize"]
    deleted = client.query("SELECT COUNT() FROM Lead WHERE IsDeleted = true", include_deleted=True)["totalSize"]

    assert everything - living == deleted > 0


def test_it_describes_objects(client: Salesforce) -> None:
    names = [item["name"] for item in client.describe()["sobjects"]]
    fields = {field["name"]: field for field in client.Opportunity.describe()["fields"]}

    assert {"Account", "OpportunityFieldHistory", "Subscription__c"} <= set(names)
    assert (fields["Amount"]["type"], fields["Amount"]["precision"], fields["Amount"]["scale"]) == ("currency", 18, 2)
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    assert "Closed Won" in [value["value"] for value in fields["StageName"]["picklistValues"]]


def test_it_reads_limits_and_the_limit_header(client: Salesforce) -> None:
    before = client.limits()["DailyApiRequests"]["Remaining"]
    after = client.limits()["DailyApiRequests"]["Remaining"]

    assert after == before - 1
    assert client.api_usage["api-usage"].total == 100_000


def test_it_gets_rows_and_replication_ids(client: Salesforce) -> None:
    account = client.query("SELECT Id, Name, LastModifiedDate FROM Account ORDER BY SystemModstamp DESC LIMIT 1")
    wanted = account["records"][0]

    assert client.Account.get(wanted["Id"])["Name"] == wanted["Name"]
    assert client.Account.get(wanted["Id"][:15])["Id"] == wanted["Id"]
    with pytest.raises(SalesforceResourceNotFound):
        client.Account.get("0015g00000zzzzz")


def test_it_raises_its_own_errors(client: Salesforce) -> None:
    with pytest.raises(SalesforceMalformedRequest) as caught:
        client.query("SELECT Nope FROM Account")

    assert caught.value.content[0]["errorCode"] == "INVALID_FIELD"


def test_it_signs_in_again_when_its_session_ends(
    client: Salesforce, salesforce: SandboxProcess, session: requests.Session
) -> None:
    by_session = Salesforce(session_id=client.session_id, instance=client.sf_instance, session=session)

    salesforce.control("POST", "expire_tokens")

    with pytest.raises(SalesforceExpiredSession):
        by_session.limits()
    assert client.limits()["DailyApiRequests"]["Max"] == 100_000


def test_it_reads_a_bulk_query(client: Salesforce) -> None:
    expected = client.query("SELECT COUNT() FROM Opportunity")["totalSize"]

    pages = list(client.bulk2.Opportunity.query("SELECT Id, Name, Amount FROM Opportunity", max_records=500))

    assert len(pages) > 1
    assert sum(page.count('"0065g') for page in pages) == expected
