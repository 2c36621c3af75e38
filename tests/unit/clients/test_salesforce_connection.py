"""Every way of signing in that people's connections already hold is recognised."""

from __future__ import annotations

import pytest

from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection, SignIn
from crm_patterns.core.errors import FixSettings

PERSON = {"username": "ada@example.com", "password": "pass-word"}
APP = {"consumer_key": "key", "consumer_secret": "sec-ret"}


@pytest.mark.parametrize(
    ("fields", "way"),
    [
        ({"session_id": "00D!x", "instance": "acme.my.salesforce.com"}, SignIn.SESSION),
        ({"session_id": "00D!x", "instance_url": "https://acme", **PERSON}, SignIn.SESSION),
        ({**PERSON, "security_token": "tok"}, SignIn.SOAP),
        ({**PERSON, **APP, "security_token": "tok"}, SignIn.SOAP),
        ({**PERSON, "organization_id": "00D"}, SignIn.SOAP),
        (PERSON, SignIn.SOAP),
        ({**PERSON, **APP}, SignIn.PASSWORD),
        ({**PERSON, **APP, "security_token": "tok", "sign_in": "password"}, SignIn.PASSWORD),
        ({"consumer_key": "key", "username": "ada", "private_key": "pem"}, SignIn.JWT),
        ({"consumer_key": "key", "username": "ada", "private_key_file_path": "/k.pem"}, SignIn.JWT),
        ({**APP, "username": "ada", "private_key": "pem"}, SignIn.JWT),
        (APP, SignIn.CLIENT_CREDENTIALS),
        ({**APP, "username": "", "password": "", "security_token": ""}, SignIn.CLIENT_CREDENTIALS),
    ],
)
def test_the_fields_decide_the_way(fields: dict[str, str], way: SignIn) -> None:
    assert SalesforceConnection(**fields).way is way  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields", [{}, {"consumer_key": "key"}, {"username": "ada"}, {"session_id": "x"}, {**APP, "sign_in": "magic"}]
)
def test_an_incomplete_connection_says_what_to_fill_in(fields: dict[str, str]) -> None:
    with pytest.raises(FixSettings) as caught:
        _ = SalesforceConnection(**fields).way  # type: ignore[arg-type]

    assert caught.value.fix


@pytest.mark.parametrize(
    ("fields", "host"),
    [
        ({}, "https://login.salesforce.com"),
        ({"domain": "test"}, "https://test.salesforce.com"),
        ({"domain": "acme.my"}, "https://acme.my.salesforce.com"),
        ({"domain": "acme.my.salesforce.com"}, "https://acme.my.salesforce.com"),
        ({"domain": "acme.my", "login_url": "http://127.0.0.1:8080/"}, "http://127.0.0.1:8080"),
    ],
)
def test_login_url_wins_over_domain(fields: dict[str, str], host: str) -> None:
    assert SalesforceConnection(**fields).authorization_host == host  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["62", "62.0", "v62.0", " 62.0 "])
def test_versions_are_written_one_way(given: str) -> None:
    assert SalesforceConnection(version=given).api_version == "62.0"


def test_a_version_that_is_no_number_is_named() -> None:
    with pytest.raises(FixSettings, match="'latest'"):
        _ = SalesforceConnection(version="latest").api_version


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, {}),
        ("", {}),
        ("http://proxy:3128", {"http": "http://proxy:3128", "https": "http://proxy:3128"}),
        ('{"https": "http://proxy:3128"}', {"https": "http://proxy:3128"}),
        ({"http://": "http://proxy:3128"}, {"http": "http://proxy:3128"}),
    ],
)
def test_proxies_are_read_in_every_form(given: dict[str, str] | str | None, read: dict[str, str]) -> None:
    assert SalesforceConnection(proxies=given).proxy_by_scheme == read


def test_no_secret_shows_in_a_repr() -> None:
    secrets = {
        name: f"secret-{name}"
        for name in ("consumer_secret", "private_key", "password", "security_token", "session_id", "proxies")
    }

    shown = repr(SalesforceConnection(username="ada", **secrets))

    assert "secret-" not in shown
    assert "ada" in shown
