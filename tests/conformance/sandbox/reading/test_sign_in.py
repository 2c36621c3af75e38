"""Signing in, as Salesforce's own documents describe it."""

import stat
import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.sandbox_process import SandboxProcess

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def ask(salesforce: SandboxProcess, **form: str) -> httpx.Response:
    return httpx.post(f"{salesforce.url}/services/oauth2/token", data=form)


def assertion(salesforce: SandboxProcess, key: str | None = None, **changes: Any) -> str:
    known = salesforce.credentials
    claims = {"iss": known["consumer_key"], "sub": known["username"], "aud": "https://login.salesforce.com"}
    claims |= {"exp": int(time.time()) + 180} | changes
    return jwt.encode(claims, key or Path(known["private_key_file_path"]).read_text(), algorithm="RS256")


def error_of(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]


def test_client_credentials_give_a_token_of_the_orgs_shape(salesforce: SandboxProcess) -> None:
    known = salesforce.credentials
    pair = {"client_id": known["consumer_key"], "client_secret": known["consumer_secret"]}

    reply = ask(salesforce, grant_type="client_credentials", **pair).json()

    assert reply["access_token"].startswith(f"{known['organization_id']}!")
    assert reply["instance_url"] == salesforce.url
    assert reply["token_type"] == "Bearer"
    assert reply["issued_at"].isdigit()
    assert "expires_in" not in reply


def test_a_wrong_secret_and_a_wrong_key_are_told_apart(salesforce: SandboxProcess) -> None:
    key = salesforce.credentials["consumer_key"]

    wrong_secret = ask(salesforce, grant_type="client_credentials", client_id=key, client_secret="no")
    wrong_key = ask(salesforce, grant_type="client_credentials", client_id="no", client_secret="no")

    assert error_of(wrong_secret) == (400, "invalid_client", "invalid client credentials")
    assert error_of(wrong_key) == (400, "invalid_client_id", "client identifier invalid")


def test_a_jwt_signed_by_the_apps_key_is_let_in(salesforce: SandboxProcess) -> None:
    reply = ask(salesforce, grant_type=JWT_GRANT, assertion=assertion(salesforce)).json()

    assert "!" in reply["access_token"]


def test_a_jwt_signed_by_another_key_is_not(salesforce: SandboxProcess) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()

    answer = ask(salesforce, grant_type=JWT_GRANT, assertion=assertion(salesforce, pem))

    assert error_of(answer) == (400, "invalid_grant", "invalid assertion")


@pytest.mark.parametrize(
    ("change", "description"),
    [
        ({"aud": "https://example.com"}, "audience is invalid"),
        ({"sub": "nobody@example.com"}, "user hasn't approved this consumer"),
        ({"exp": 1}, "assertion is expired"),
    ],
)
def test_a_jwt_with_a_wrong_claim_is_refused_by_name(
    salesforce: SandboxProcess, change: dict[str, Any], description: str
) -> None:
    answer = ask(salesforce, grant_type=JWT_GRANT, assertion=assertion(salesforce, **change))

    assert error_of(answer) == (400, "invalid_grant", description)


def test_the_password_flow_takes_password_and_security_token(salesforce: SandboxProcess) -> None:
    known = salesforce.credentials
    form = {"grant_type": "password", "client_id": known["consumer_key"], "client_secret": known["consumer_secret"]}
    form["username"] = known["username"]

    good = ask(salesforce, **form, password=known["password"] + known["security_token"])
    bad = ask(salesforce, **form, password="guess")

    assert good.status_code == 200
    assert error_of(bad) == (400, "invalid_grant", "authentication failure")


def test_an_unknown_grant_is_refused(salesforce: SandboxProcess) -> None:
    assert error_of(ask(salesforce, grant_type="magic"))[1] == "unsupported_grant_type"


def test_an_expired_session_gets_the_401_that_clients_look_for(salesforce: SandboxProcess) -> None:
    with salesforce.client() as client:
        before = client.get("/services/data/v62.0/limits")
        salesforce.control("POST", "expire_tokens")
        after = client.get("/services/data/v62.0/limits")

    assert before.status_code == 200
    assert after.status_code == 401
    assert after.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert after.headers["WWW-Authenticate"] == "Token"


def test_a_call_without_a_token_is_refused(salesforce: SandboxProcess) -> None:
    answer = httpx.get(f"{salesforce.url}/services/data/v62.0/sobjects")

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_AUTH_HEADER")


def test_who_am_i_and_introspection_know_the_session(salesforce: SandboxProcess) -> None:
    known, token = salesforce.credentials, salesforce.token()
    pair = (known["consumer_key"], known["consumer_secret"])

    about = httpx.get(f"{salesforce.url}/services/oauth2/userinfo", headers={"Authorization": f"Bearer {token}"}).json()
    live = httpx.post(f"{salesforce.url}/services/oauth2/introspect", data={"token": token}, auth=pair).json()
    dead = httpx.post(f"{salesforce.url}/services/oauth2/introspect", data={"token": "x"}, auth=pair).json()

    assert about["preferred_username"] == known["username"]
    assert about["organization_id"] == known["organization_id"]
    assert live["active"] is True
    assert live["exp"] > time.time()
    assert dead == {"active": False}


def test_the_files_with_secrets_are_for_their_owner_alone(salesforce: SandboxProcess) -> None:
    for path in (salesforce.data / "credentials.json", Path(salesforce.credentials["private_key_file_path"])):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
