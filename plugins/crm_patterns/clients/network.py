"""What can go wrong before there is an answer, said in one sentence with the host and the fix."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from crm_patterns.clients.retrying import Unanswered, Unreachable
from crm_patterns.core.errors import FixSettings, IntegrationError


@contextmanager
def faults_named(about: str, url: str) -> Iterator[None]:
    """Turn httpx's faults into ours. A fault before the request was written is `Unreachable`: it had no effect."""
    try:
        yield
    except httpx.InvalidURL as error:
        raise FixSettings(f"{url} is not a usable address: {error}.", fix="Correct it on the connection.") from error
    except httpx.TransportError as error:
        raise _named(error, about, httpx.URL(url)) from error


def is_this_machine(url: str) -> bool:
    """Whether the URL's host is `localhost` or a loopback address."""
    host = httpx.URL(url).host
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _named(error: httpx.TransportError, about: str, url: httpx.URL) -> IntegrationError:
    place = f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"
    causes = list(_causes(error))
    if isinstance(error, httpx.UnsupportedProtocol):
        return FixSettings(f"{url} has no usable scheme.", fix="Give the full URL, with https://.")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        reason = next((c.verify_message for c in causes if isinstance(c, ssl.SSLCertVerificationError)), str(error))
        return FixSettings(
            f"No trusted TLS connection to {place}: {reason}.",
            fix="Check scheme, host and port on the connection; behind an inspecting proxy, add its authority to "
            "SSL_CERT_FILE.",
        )
    unknown = next((cause for cause in causes if isinstance(cause, socket.gaierror)), None)
    if unknown is not None and unknown.errno != socket.EAI_AGAIN:
        return FixSettings(
            f"The host {url.host} is not known.", fix="Check the domain or login_url on the connection, and the DNS."
        )
    if isinstance(error, httpx.ProxyError):
        return Unreachable(f"The proxy did not let us through to {place}: {error}.", fix="Check proxies.")
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
        return Unreachable(
            f"Nothing answers at {place}.", fix="Check host and port on the connection, the network and the firewall."
        )
    return Unanswered(f"The connection to {place} broke during {about}: {error or type(error).__name__}.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
