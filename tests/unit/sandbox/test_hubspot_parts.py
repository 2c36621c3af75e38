"""Parts of the HubSpot stand-in that need no server."""

from __future__ import annotations

import pytest

from sandbox.hubspot.gate import needed_scope
from sandbox.hubspot.webhooks import sign

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
BODY = b"{'example_field':'example_value'}"


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [
        ("1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        ("1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
    ],
)
def test_the_signature_is_that_of_hubspots_own_test_vectors(timestamp: str, signature: str) -> None:
    url = "https://www.example.com/webhook_uri"

    assert sign(SECRET, method="POST", url=url, body=BODY, timestamp=timestamp) == signature


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/crm/v3/objects/contacts", "crm.objects.contacts.read"),
        ("POST", "/crm/v3/objects/contacts/search", "crm.objects.contacts.read"),
        ("POST", "/crm/v3/objects/companies/batch/read", "crm.objects.companies.read"),
        ("POST", "/crm/v3/objects/companies/batch/upsert", "crm.objects.companies.write"),
        ("PATCH", "/crm/v3/objects/contacts/151", "crm.objects.contacts.write"),
        ("GET", "/crm/v3/properties/contacts", "crm.schemas.contacts.read"),
        ("GET", "/account-info/v3/details", None),
    ],
)
def test_a_call_needs_the_scope_of_what_it_does(method: str, path: str, scope: str | None) -> None:
    assert needed_scope(method, path) == scope
