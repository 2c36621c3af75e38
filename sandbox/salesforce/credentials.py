"""What a client needs to sign in: made at the first start, kept in the data folder, readable by its owner alone."""

import json
import os
import secrets
import string
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_FILE = "credentials.json"
_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Credentials:
    """One connected app and one integration user. `certificate_path` is the public half of the JWT bearer flow."""

    consumer_key: str
    consumer_secret: str
    username: str
    password: str
    security_token: str
    private_key_file_path: str
    certificate_path: str
    organization_id: str
    login_url: str


def load_or_create(folder: Path, *, organization_id: str, login_url: str) -> Credentials:
    """The credentials of the data folder, with the present `login_url`. Raises ValueError when the file is damaged."""
    path = folder / _FILE
    if path.exists():
        try:
            kept = Credentials(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} cannot be read ({error}); delete it to have new credentials made") from error
    else:
        kept = _created(folder, organization_id)
    current = replace(kept, login_url=login_url)
    _write_private(path, json.dumps(asdict(current), indent=2))
    return current


def _created(folder: Path, organization_id: str) -> Credentials:
    key_path, certificate_path = folder / "app.key", folder / "app.crt"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write_private(key_path, pem.decode())
    certificate_path.write_bytes(_certificate(key).public_bytes(serialization.Encoding.PEM))
    return Credentials(
        consumer_key="3MVG9" + _random(80),
        consumer_secret=secrets.token_hex(32).upper(),
        username=f"integration@{organization_id.lower()}.example.com",
        password=_random(16),
        security_token=_random(24),
        private_key_file_path=str(key_path.resolve()),
        certificate_path=str(certificate_path.resolve()),
        organization_id=organization_id,
        login_url="",
    )


def _certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "crm-patterns sandbox app")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=3650))
    return dated.serial_number(x509.random_serial_number()).sign(key, hashes.SHA256())


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    path.chmod(0o600)
