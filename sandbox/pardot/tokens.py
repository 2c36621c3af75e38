"""Access tokens are Salesforce's: the org that issued them is asked over HTTP."""

import json
from pathlib import Path
from typing import Any

import httpx

from sandbox.pardot.errors import PardotFault


class SalesforceSignIn:
    """The Salesforce stand-in whose data are in `folder`: it wrote down there where it is and who its app is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._http = httpx.AsyncClient(timeout=10.0)

    @property
    def credentials(self) -> dict[str, str]:
        """As of its last start: it may have moved to another port since."""
        return dict(json.loads((self._folder / "credentials.json").read_text(encoding="utf-8")))

    async def check(self, token: str, *, scope: str) -> None:
        """Raises the refusal of a token that Salesforce does not know (any more), or that lacks the scope."""
        told = await self._introspected(token) if token else {}
        if not told.get("active") or scope not in str(told.get("scope", "")).split():
            raise PardotFault(184, status=401)

    async def _introspected(self, token: str) -> dict[str, Any]:
        known = self.credentials
        app = (known["consumer_key"], known["consumer_secret"])
        url = f"{known['login_url']}/services/oauth2/introspect"
        try:
            answer = await self._http.post(url, data={"token": token}, auth=app)
            return dict(answer.raise_for_status().json())
        except httpx.HTTPError:
            return {}

    def query(self, soql: str) -> list[dict[str, Any]]:
        """Rows of the org, for filling a new unit."""
        known = self.credentials
        app = (known["consumer_key"], known["consumer_secret"])
        form = {"grant_type": "client_credentials"}
        told = httpx.post(f"{known['login_url']}/services/oauth2/token", data=form, auth=app, timeout=30)
        given = told.raise_for_status().json()
        headers, base = {"Authorization": f"Bearer {given['access_token']}"}, given["instance_url"]
        path: str | None = "/services/data/v62.0/query"
        rows: list[dict[str, Any]] = []
        params: dict[str, str] | None = {"q": soql}
        while path:
            page = httpx.get(f"{base}{path}", params=params, headers=headers, timeout=60).raise_for_status().json()
            rows += page["records"]
            path, params = page.get("nextRecordsUrl"), None
        return rows
