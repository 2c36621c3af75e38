"""A stand-in of the sandbox as a real process, for tests and benchmarks that talk to it over real HTTP."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
START_LIMIT_S = 90.0
STOP_LIMIT_S = 10.0


class SandboxProcess:
    """One stand-in (such as `salesforce` or `pardot`) on a free port, started at once and stopped by `stop` or `with`.

    Without `data` it lives in a folder of its own that goes with it. `size` is the number of Opportunities of a new
    org, or of people of a marketing platform; `only` the objects to fill, `options` further command line options.
    Raises RuntimeError with its log when it does not come up.
    """

    def __init__(
        self,
        kind: str = "salesforce",
        *,
        size: int = 300,
        data: Path | None = None,
        only: str = "",
        port: int = 0,
        options: tuple[str, ...] = (),
    ) -> None:
        self.kind = kind
        self._own_folder = Path(tempfile.mkdtemp(prefix=f"sandbox-{kind}-"))
        self.data = data or self._own_folder / "data"
        self._log = self._own_folder / "log"
        self._ready = self._own_folder / "ready.json"
        command = [sys.executable, "-m", "sandbox", kind, "--data", str(self.data), "--port", str(port)]
        command += ["--ready-file", str(self._ready), *options]
        if kind == "salesforce":
            command += ["--size", str(size), *(["--only", only] if only else [])]
        if kind in ("hubspot", "marketo", "pardot"):
            command += ["--size", str(size)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        self.ready = self._wait()
        self.url: str = self.ready["url"]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def credentials(self) -> dict[str, str]:
        """What the stand-in wrote for its clients (see sandbox/README.md)."""
        return dict(json.loads((self.data / "credentials.json").read_text(encoding="utf-8")))

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call `/__sandbox__/<path>`; the JSON answer, or None when there is none. Raises httpx.HTTPStatusError."""
        answer = httpx.request(method, f"{self.url}/__sandbox__/{path.lstrip('/')}", json=body, timeout=60)
        if answer.is_error:
            raise httpx.HTTPStatusError(
                f"{method} {path}: {answer.status_code} {answer.text}", request=answer.request, response=answer
            )
        return answer.json() if answer.content else None

    def token(self) -> str:
        """A fresh access token of the Salesforce stand-in, by client credentials."""
        known = self.credentials
        form = {"grant_type": "client_credentials"}
        pair = (known["consumer_key"], known["consumer_secret"])
        answer = httpx.post(f"{known['login_url']}/services/oauth2/token", data=form, auth=pair, timeout=30)
        return str(answer.raise_for_status().json()["access_token"])

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client with a fresh token, its base URL set to the stand-in."""
        headers = {"Authorization": f"Bearer {self.token()}", **options.pop("headers", {})}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, **options)

    def stop(self) -> int:
        """End the process in good order (SIGTERM); its exit status. The data stay when they were given."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self._own_folder, ignore_errors=True)
        return self.process.returncode

    def __enter__(self) -> SandboxProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait(self) -> dict[str, Any]:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._ready.exists():
                return dict(json.loads(self._ready.read_text(encoding="utf-8")))
            time.sleep(0.05)
        log = self.log
        self.stop()
        raise RuntimeError(f"the {self.kind} stand-in did not come up: {log}")
