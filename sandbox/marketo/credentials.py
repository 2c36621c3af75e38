"""What a client needs to sign in, made once and kept in the instance's folder."""

import json
import os
import secrets
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Credentials:
    """A custom service of the instance, and the API user it acts as."""

    client_id: str
    client_secret: str
    munchkin_id: str
    api_user: str


def load_or_create(folder: Path) -> Credentials:
    """`credentials.json` of the folder (mode 0600)."""
    path = folder / "credentials.json"
    if path.exists():
        return Credentials(**json.loads(path.read_text(encoding="utf-8")))
    made = Credentials(
        client_id=str(uuid.uuid4()),
        client_secret=secrets.token_urlsafe(24),
        munchkin_id=f"{secrets.randbelow(900) + 100}-SBX-{secrets.randbelow(900) + 100}",
        api_user="integration@sandbox.example",
    )
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(made), file, indent=1)
    return made
