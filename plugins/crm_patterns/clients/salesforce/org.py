"""One org as its source and its sink share it: connections, sign-in, counted calls, clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

import httpx

from crm_patterns.clients.auth import ServerClock, TokenCache
from crm_patterns.clients.quota import CallMeter
from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.salesforce import wire
from crm_patterns.clients.salesforce.errors import judge
from crm_patterns.clients.salesforce.queries import RestQueries
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.clients.salesforce_sign_in.sign_in import signer_in
from crm_patterns.clients.transport import Call, Reply, Transport
from crm_patterns.core.errors import StopRun


class Org:
    """
    Signs in at the first call; may be used from several threads; close it when done.

    FixSettings at once where the connection is incomplete. `base` is the path of the API version.
    """

    def __init__(self, connection: SalesforceConnection, *, patience: Patience | None = None) -> None:
        self.version = connection.api_version
        self.base = f"/services/data/v{self.version}"
        self.patience = patience or Patience()
        self.meter = CallMeter()
        self.http = _http_client(connection)
        self.session = TokenCache(signer_in(connection, self.http, patience=self.patience))
        self.transport = Transport(
            self.http,
            judge=judge,
            session=self.session,
            meter=self.meter,
            read_usage=wire.read_usage,
            patience=self.patience,
        )
        self.queries = RestQueries(self.transport, base=self.base)

    def now(self) -> datetime:
        """The server's `Date` header: of the sign-in, carried on, so that it costs no call; else of a call."""
        clock = self.session.token().clock
        if clock is None:
            reply = self.get("/services/data", "the list of API versions")
            clock = ServerClock.of(reply.headers)
            if clock is None:
                raise StopRun(f"{reply.host} sends no usable Date header, so its clock is unknown.")
        return clock.now()

    def host(self) -> str:
        return urlsplit(self.session.token().base_url).netloc

    def object_names(self) -> Sequence[str]:
        data = wire.read_json(self.get(f"{self.base}/sobjects", "the list of objects").body)
        return [item["name"] for item in data["sobjects"] if item.get("queryable", True)]

    def get(self, path: str, about: str) -> Reply:
        return self.transport.send(Call("GET", path, about))

    def close(self) -> None:
        self.http.close()


def _http_client(connection: SalesforceConnection) -> httpx.Client:
    proxies = connection.proxy_by_scheme
    timeout = httpx.Timeout(connection.read_timeout_s, connect=connection.connect_timeout_s)
    return httpx.Client(
        timeout=timeout,
        limits=httpx.Limits(max_connections=8, max_keepalive_connections=8),
        mounts={f"{scheme}://": httpx.HTTPTransport(proxy=url) for scheme, url in proxies.items()},
        headers={
            "User-Agent": "crm-integration-patterns",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Sforce-Call-Options": f"client={connection.client_name}",
        },
    )
