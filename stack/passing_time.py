"""What happens in the sandbox's Salesforce org between two runs of the demo: the usual, and once the unusual."""

import os
import subprocess
import sys
from collections.abc import Callable

import httpx

from stack.connections import stack_connections
from stack.environment import process_environment
from stack.errors import StackError
from stack.home import REPOSITORY
from stack.installation import SALESFORCE, Installation

TICKS = 200
NEW_FIELD = "Customer_Health__c"
ERASED = 3

Say = Callable[[str], None]


def live_on(installation: Installation, say: Say) -> None:
    """The usual: records are created, edited, moved on, deleted, merged.

    Raises:
        StackError: the sandbox could not.
    """
    say("time passes in the CRM: records are created, edited, deleted and merged")
    command = [sys.executable, "-m", "sandbox", "tick", "--url", installation.url(SALESFORCE), "--count", str(TICKS)]
    environment = process_environment(installation, os.environ, service="demo")
    result = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise StackError(f"The sandbox could not live on: {(result.stderr or result.stdout).strip()[-500:]}")


def be_eventful(installation: Installation, say: Say) -> None:
    """The unusual, which pipelines miss: records erased without a trace in the bin, and a field that is new.

    Raises:
        StackError: the sandbox could not.
    """
    say(f"an administrator erases {ERASED} contacts for good and adds the field Account.{NEW_FIELD}")
    try:
        with httpx.Client(base_url=installation.url(SALESFORCE), timeout=60, trust_env=False) as org:
            ids = _some_contacts(org, installation)
            org.post("/__sandbox__/hard_delete", json={"ids": ids}).raise_for_status()
            field = {"action": "add", "object": "Account", "field": NEW_FIELD, "definition": "double(5,2)"}
            # A value on every old record, and no stamp that moves: what a default or a mass update by the vendor does.
            org.post("/__sandbox__/fields", json={**field, "value_sql": "50.25"}).raise_for_status()
    except (httpx.HTTPError, KeyError, ValueError) as cause:
        raise StackError(f"The sandbox's org could not be changed: {cause}") from cause


def _some_contacts(org: httpx.Client, installation: Installation) -> list[str]:
    extra = stack_connections(installation)["salesforce_default"]["extra"]
    pair = (extra["consumer_key"], extra["consumer_secret"])
    granted = org.post("/services/oauth2/token", data={"grant_type": "client_credentials"}, auth=pair)
    bearer = {"Authorization": f"Bearer {granted.raise_for_status().json()['access_token']}"}
    soql = f"SELECT Id FROM Contact ORDER BY CreatedDate LIMIT {ERASED}"
    found = org.get("/services/data/v62.0/query", params={"q": soql}, headers=bearer)
    return [str(record["Id"]) for record in found.raise_for_status().json()["records"]]
