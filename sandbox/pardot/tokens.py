"""Access tokens are Salesforce's: the org that issued them is asked over HTTP."""

import json
import time
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

    def wait(self, *, limit_s: float) -> None:
        """Until the org answers, which may be starting just now. Raises TimeoutError."""
        give_up = time.monotonic() + limit_s
        while True:
            try:
                self._granted()
                return
            except (httpx.HTTPError, OSError, ValueError, KeyError) as error:
                if time.monotonic() >= give_up:
                    raise TimeoutError(
                        f"no Salesforce stand-in answers that keeps its data in {self._folder}"
                    ) from error
            time.sleep(0.2)

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
        given = self._granted()
        headers, base = {"Authorization": f"Bearer {given['access_token']}"}, given["instance_url"]
        path: str | None = "/services/data/v62.0/query"
        rows: list[dict[str, Any]] = []
        params: dict[str, str] | None = {"q": soql}
        while path:
            page = httpx.get(f"{base}{path}", params=params, headers=headers, timeout=60).raise_for_status().json()
            rows += page["records"]
            path, params = page.get("nextRecordsUrl"), None
        return rows

    def _granted(self) -> dict[str, Any]:
        """What the org gives for the credentials of its app."""
        known = self.credentials
        app = (known["consumer_key"], known["consumer_secret"])
        form = {"grant_type": "client_credentials"}
        told = httpx.post(f"{known['login_url']}/services/oauth2/token", data=form, auth=app, timeout=30)
        return dict(told.raise_for_status().json())
