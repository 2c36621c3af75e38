"""What is said when signing in, and what is wrong before a word is sent."""

from __future__ import annotations

from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.clients.salesforce_sign_in.sign_in import jwt_form, password_form, signer_in
from crm_patterns.core.errors import FixSettings

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
JWT = {"consumer_key": "app", "username": "ada@example.com", "domain": "test"}


@pytest.mark.parametrize("given", [PEM, PEM.replace("\n", "\\n")])
def test_a_jwt_says_who_for_whom_and_how_long(given: str) -> None:
    form = jwt_form(SalesforceConnection(**JWT, private_key=given), now=1_000_000)

    claims = jwt.decode(
        form["assertion"],
        KEY.public_key(),
        algorithms=["RS256"],
        audience="https://test.salesforce.com",
        options={"verify_exp": False},
    )
    assert (claims["iss"], claims["sub"], claims["exp"]) == ("app", "ada@example.com", 1_000_180)


def test_a_key_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(PEM)

    assert jwt_form(SalesforceConnection(**JWT, private_key_file_path=str(path)), now=1)["assertion"]


@pytest.mark.parametrize("content", ["", "no key at all", PEM[:200]])
def test_an_unreadable_key_is_named_and_not_shown(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key.pem"
    path.write_text(content)

    with pytest.raises(FixSettings, match="private key") as caught:
        jwt_form(SalesforceConnection(**JWT, private_key_file_path=str(path)), now=1)
    assert PEM[60:90] not in str(caught.value)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FixSettings, match=r"nowhere\.pem"):
        jwt_form(SalesforceConnection(**JWT, private_key_file_path=str(tmp_path / "nowhere.pem")), now=1)


def test_the_security_token_follows_the_password() -> None:
    form = password_form(
        SalesforceConnection(
            consumer_key="app", consumer_secret="shh", username="ada", password="word", security_token="TOKEN"
        )
    )

    assert form["password"] == "wordTOKEN"


def test_a_given_session_is_used_as_it_is_and_cannot_be_renewed() -> None:
    connection = SalesforceConnection(session_id="00D!abc", instance="acme.my.salesforce.com")
    sign_in = signer_in(connection, httpx.Client(), patience=Patience())

    assert sign_in().base_url == "https://acme.my.salesforce.com"
    with pytest.raises(FixSettings, match=r"acme\.my\.salesforce\.com is not valid any more") as caught:
        sign_in()
    assert "00D!abc" not in str(caught.value)


def test_a_forced_way_names_the_field_it_lacks() -> None:
    connection = SalesforceConnection(consumer_key="app", sign_in="jwt")

    with pytest.raises(FixSettings, match="Signing in by jwt needs username"):
        jwt_form(connection, now=1)
