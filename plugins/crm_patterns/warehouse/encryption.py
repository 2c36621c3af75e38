"""
Parquet modular encryption of staged files: values, names of columns and the footer (AES-GCM, 256 bits).

Each file has data keys of its own; they stand in it, wrapped by the key of the ring whose id the manifest names.
https://parquet.apache.org/docs/file-format/data-pages/encryption
"""

from __future__ import annotations

import base64
import hmac
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from crm_patterns.core.errors import FixSettings, StopRun
from crm_patterns.core.keys import KeyRing
from crm_patterns.core.staging import PartFile

_NONCE_BYTES = 12
_PREFIX = "crm-clear-"
_STALE_S = 24 * 3600.0


class StageCipher:
    """Encrypts what is written where `writes` says so; decrypts what a manifest calls encrypted. Keys are read late."""

    def __init__(self, open_ring: Callable[[], KeyRing], *, writes: bool) -> None:
        self._open_ring = open_ring
        self.writes = writes

    @cached_property
    def _ring(self) -> KeyRing:
        return self._open_ring()

    @cached_property
    def key_id(self) -> str:
        """Of the key that files are written with; empty where they are not encrypted. FixSettings without a key."""
        if self.writes and not self._ring.current:
            raise FixSettings(
                "encrypt_stage is on, but there is no key to encrypt with.",
                fix="Put a key of at least 32 characters (`openssl rand -base64 32`) into the extra stage_secret of "
                "the connection crm_keys; see docs/governance.md.",
            )
        return self._ring.current if self.writes else ""

    def for_writing(self) -> Any:
        """Properties for one new file; None where it is not encrypted."""
        if not self.key_id:
            return None
        import pyarrow.parquet.encryption as pe

        wanted = pe.EncryptionConfiguration(
            footer_key=self.key_id,
            uniform_encryption=True,
            plaintext_footer=False,
            encryption_algorithm="AES_GCM_V1",
            data_key_length_bits=256,
        )
        return self._factory.file_encryption_properties(pe.KmsConnectionConfig(), wanted)

    def for_reading(self, part: PartFile) -> Any:
        """Properties for reading that file; None where it is not encrypted. FixSettings where its key is not there."""
        if not part.key_id:
            return None
        import pyarrow.parquet.encryption as pe

        self._ring.key(part.key_id, about=part.name)  # before Arrow asks for it, whose errors hide ours
        return self._factory.file_decryption_properties(pe.KmsConnectionConfig(), pe.DecryptionConfiguration())

    @contextmanager
    def decrypted(self, local: Path, part: PartFile) -> Iterator[Path]:
        """
        The file itself where it is not encrypted, else a decrypted copy that only this user can read, removed
        afterwards. Memory holds one row group.
        """
        properties = self.for_reading(part)
        if properties is None:
            yield local
            return
        _remove_stale()
        with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
            copy = Path(folder) / part.name
            with (
                pq.ParquetFile(local, decryption_properties=properties) as file,
                pq.ParquetWriter(
                    copy, file.schema_arrow, compression="zstd", store_decimal_as_integer=True, write_statistics=False
                ) as writer,
            ):
                for number in range(file.num_row_groups):
                    writer.write_table(file.read_row_group(number))
            yield copy

    @cached_property
    def _factory(self) -> Any:
        import pyarrow.parquet.encryption as pe

        ring = self._ring

        class Wrapping(pe.KmsClient):  # type: ignore[misc]  # pyarrow has no types
            """Wraps the data keys of files with a key of the ring."""

            def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
                nonce = os.urandom(_NONCE_BYTES)
                sealed = _aes(ring, master_key_identifier).encrypt(nonce, key_bytes, master_key_identifier.encode())
                return base64.b64encode(nonce + sealed)

            def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
                return _unwrapped(ring, base64.b64decode(wrapped_key), master_key_identifier)

        return pe.CryptoFactory(lambda _: Wrapping())


def _no_ring() -> KeyRing:
    raise FixSettings("This stage is encrypted, and was opened without keys.", fix="Open it with the stage's hook.")


NO_CIPHER = StageCipher(_no_ring, writes=False)


def _aes(ring: KeyRing, key_id: str) -> Any:
    """The key of the ring is a text of any length; AES takes 256 bits made of it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    secret = ring.key(key_id, about="a staged file")
    return AESGCM(hmac.digest(secret, b"crm_patterns stage wrapping key", "sha256"))


def _unwrapped(ring: KeyRing, wrapped: bytes, key_id: str) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        return bytes(_aes(ring, key_id).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], key_id.encode()))
    except InvalidTag as error:
        raise StopRun("A staged file's own key was changed.", fix="Clear the object's extract task.") from error


def _remove_stale() -> None:
    """Decrypted copies that a killed task left on this machine."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE_S:
                shutil.rmtree(folder)
