"""The workspace behind the stand-in: messages on disk, settings, and the pace at which Slack takes messages."""

import json
import threading
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

TEXT_KEPT = 40_000


class SlackSettings(BaseModel):
    """What can be changed while the stand-in runs.

    `answers` maps a webhook path (`/services/T/B/X`) or a channel to the error Slack gives for it, for example
    `no_service`, `channel_is_archived` or `not_in_channel`.
    """

    model_config = ConfigDict(extra="forbid")

    messages_per_second: float = Field(default=1.0, gt=0)
    burst: int = Field(default=10, ge=1)
    answers: dict[str, str] = {}


class Workspace:
    """Messages in the order of their arrival, kept in `messages.jsonl` of the data folder."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self._file = data / "messages.jsonl"
        self._lock = threading.Lock()
        self._allowances: dict[str, tuple[float, float]] = {}
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        self._messages: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self.settings = SlackSettings()

    def wait_s(self, destination: str) -> int:
        """Spend one message of the destination's allowance: 0 when it may pass, else whole seconds to wait."""
        rate, burst = self.settings.messages_per_second, self.settings.burst
        with self._lock:
            now = time.monotonic()
            left, since = self._allowances.get(destination, (float(burst), now))
            left = min(burst, left + (now - since) * rate)
            if left < 1:
                self._allowances[destination] = (left, now)
                return max(1, round((1 - left) / rate + 0.5))
            self._allowances[destination] = (left - 1, now)
            return 0

    def post(self, *, destination: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Keep a message and return it with the `ts` it got; text past 40,000 characters is cut, as Slack does."""
        if isinstance(payload.get("text"), str):
            payload = payload | {"text": payload["text"][:TEXT_KEPT]}
        with self._lock:
            now = time.time()
            message = {
                "ts": f"{int(now)}.{len(self._messages):06d}",
                "received_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
                "destination": destination,
                "payload": payload,
            }
            self._messages.append(message)
            with self._file.open("a") as file:
                file.write(json.dumps(message) + "\n")
            return message

    def messages(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._messages)

    def has(self, ts: str) -> bool:
        """Whether a message with this `ts` can be replied to."""
        return any(message["ts"] == ts for message in self.messages())

    def clear(self) -> None:
        """Forget all messages and all allowances spent."""
        with self._lock:
            self._messages.clear()
            self._allowances.clear()
            self._file.unlink(missing_ok=True)
