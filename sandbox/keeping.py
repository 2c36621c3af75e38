"""What outlives the process: every changed thing, written through to one SQLite file."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Keeper:
    """Things by kind and id, as JSON. What was put is safe once `commit` returned, whatever becomes of the process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(folder / "account.sqlite", isolation_level=None, check_same_thread=False)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = off")
        self._database.execute(
            "create table if not exists kept (kind text, id text, body text, primary key (kind, id)) without rowid"
        )
        self._pending: dict[tuple[str, str], str | None] = {}

    def put(self, kind: str, identity: str, body: Any) -> None:
        self._pending[kind, identity] = json.dumps(body, separators=(",", ":"), ensure_ascii=False)

    def drop(self, kind: str, identity: str) -> None:
        self._pending[kind, identity] = None

    def commit(self) -> None:
        """All that was put and dropped since the last time, at once."""
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        kept = [(kind, identity, body) for (kind, identity), body in pending.items() if body is not None]
        dropped = [key for key, body in pending.items() if body is None]
        self._database.execute("begin")
        self._database.executemany("insert or replace into kept values (?, ?, ?)", kept)
        self._database.executemany("delete from kept where kind = ? and id = ?", dropped)
        self._database.execute("commit")

    def all(self, kind: str) -> Iterator[tuple[str, Any]]:
        for identity, body in self._database.execute("select id, body from kept where kind = ?", (kind,)):
            yield identity, json.loads(body)

    def close(self) -> None:
        self.commit()
        self._database.close()
