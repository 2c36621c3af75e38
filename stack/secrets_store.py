"""Keys and passwords of a local stack, made once and readable by their owner alone."""

import base64
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from stack.files import read_json, write_json


@dataclass(frozen=True, slots=True)
class StackSecrets:
    """Everything secret that the stack makes up for itself."""

    fernet_key: str
    api_secret_key: str
    jwt_secret: str
    admin_password: str
    warehouse_password: str
    hash_secret: str
    stage_secret: str
    outbound_message_secret: str

    @classmethod
    def load(cls, path: Path) -> "StackSecrets":
        """Those in `path`; what is missing is made and written there with mode 0600."""
        fresh = {
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "api_secret_key": secrets.token_urlsafe(48),
            "jwt_secret": secrets.token_urlsafe(64),
            "admin_password": secrets.token_urlsafe(9),
            "warehouse_password": secrets.token_urlsafe(18),
            "hash_secret": secrets.token_urlsafe(32),
            "stage_secret": secrets.token_urlsafe(32),
            "outbound_message_secret": secrets.token_urlsafe(32),
        }
        kept = {name: str(value) for name, value in read_json(path).items() if name in fresh}
        known = cls(**{**fresh, **kept})
        if kept.keys() != fresh.keys():
            write_json(path, asdict(known), mode=0o600)
        return known
