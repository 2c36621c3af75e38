"""The part of Airflow's REST API that the stack and the demo use."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from stack.environment import ADMIN
from stack.errors import StackError
from stack.installation import API_SERVER, Installation

PAGE = 100


class AirflowApi:
    """Signed in as the stack's administrator. Raises `StackError` for an answer that is not a success."""

    def __init__(self, installation: Installation) -> None:
        self.base = installation.url(API_SERVER)
        self.credentials = {"username": ADMIN, "password": installation.secrets.admin_password}
        self.http = httpx.Client(base_url=self.base, timeout=30, trust_env=False)

    def __enter__(self) -> "AirflowApi":
        self.sign_in()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def sign_in(self) -> None:
        """Get a token; it is good for hours."""
        answer = self.http.post("/auth/token", json=self.credentials)
        if answer.is_error:
            raise StackError(f"Airflow did not let the stack's administrator sign in: {answer.text[:200]}")
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def find(self, path: str, **params: Any) -> dict[str, Any] | None:
        """The resource, or None when there is none."""
        answer = self._call("GET", path, params=params)
        return None if answer.status_code == 404 else dict(answer.json())

    def every(self, path: str, key: str, **params: Any) -> Iterator[dict[str, Any]]:
        """All members of a collection, page by page."""
        offset = 0
        while True:
            document = self.find(path, limit=PAGE, offset=offset, **params) or {}
            members = document.get(key, [])
            yield from members
            offset += len(members)
            if not members or offset >= document.get("total_entries", 0):
                return

    def create_pool(self, name: str, *, slots: int, description: str) -> None:
        """Make a pool, unless there is one of that name: its size may have been changed by hand."""
        if self.find(f"/pools/{quote(name)}") is None:
            self._call("POST", "/pools", json={"name": name, "slots": slots, "description": description})

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run the DAG."""
        self._call("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Ask for a run; returns its id."""
        answer = self._call("POST", f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": dict(conf)})
        return str(answer.json()["dag_run_id"])

    def answer(self, hitl_details: str, options: Sequence[str]) -> None:
        """A person's answer to what a task asks under Required Actions."""
        self._call("PATCH", hitl_details, json={"chosen_options": list(options), "params_input": {}})

    def _call(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        try:
            answer = self.http.request(method, f"/api/v2{path}", **kwargs)
            if answer.status_code == 401:
                self.sign_in()
                answer = self.http.request(method, f"/api/v2{path}", **kwargs)
        except httpx.HTTPError as cause:
            raise StackError(f"Airflow's API server at {self.base} did not answer {method} {path}: {cause}") from cause
        if answer.is_error and answer.status_code != 404:
            raise StackError(f"Airflow answered {method} {path} with {answer.status_code}: {answer.text[:300]}")
        if answer.status_code == 404 and method != "GET":
            raise StackError(f"Airflow knows no {path}: {answer.text[:300]}")
        return answer
