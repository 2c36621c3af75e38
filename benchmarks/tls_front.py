"""
TLS in front of a plain HTTP server on this machine: a process of its own, so that its work is not the client's.

`python -m benchmarks.tls_front --to 127.0.0.1:8080 --tls FOLDER` makes a certificate in the folder, says where it
listens in one line of JSON, and passes bytes on until it is stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from stack.tls import server_certificate

CHUNK = 1 << 16


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
    target.close()


async def serve(host: str, port: int, folder: Path) -> None:
    certificate = server_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(host, port)
        await asyncio.gather(_pass_on(reader, to_server), _pass_on(from_server, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(json.dumps({"url": url, "bundle": str(certificate.bundle)}), flush=True)
    async with server:
        await server.serve_forever()


@contextmanager
def tls_before(url: str, folder: Path) -> Iterator[tuple[str, str]]:
    """The address of TLS in front of `url`, and the file of authorities that a client has to trust."""
    server = urlsplit(url)
    command = [sys.executable, "-m", "benchmarks.tls_front", "--to", server.netloc, "--tls", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        yield said["url"], said["bundle"]
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", required=True)
    parser.add_argument("--tls", type=Path, required=True)
    chosen = parser.parse_args()
    host, _, port = chosen.to.rpartition(":")
    asyncio.run(serve(host, int(port), chosen.tls))


if __name__ == "__main__":
    main()
