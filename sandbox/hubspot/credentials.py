"""What a client needs to sign in, made once and kept in the account's folder."""

import json
import os
import secrets
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Credentials:
    """`access_token` is the private app's; the others are those of an OAuth app, whose secret signs webhooks."""

    access_token: str
    client_id: str
    client_secret: str
    refresh_token: str
    authorization_code: str
    portal_id: int
    app_id: int
    private_app_id: int


def load_or_create(folder: Path) -> Credentials:
    """`credentials.json` of the folder (mode 0600)."""
    path = folder / "credentials.json"
    if path.exists():
        return Credentials(**json.loads(path.read_text(encoding="utf-8")))
    made = Credentials(
        access_token=f"pat-na1-{uuid.uuid4()}",
        client_id=str(uuid.uuid4()),
        client_secret=str(uuid.uuid4()),
        refresh_token=f"na1-{secrets.token_hex(16)}",
        authorization_code=secrets.token_hex(16),
        portal_id=48_200_000 + secrets.randbelow(99_999),
        app_id=1_200_000 + secrets.randbelow(99_999),
        private_app_id=1_400_000 + secrets.randbelow(99_999),
    )
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(made), file, indent=1)
    return made
