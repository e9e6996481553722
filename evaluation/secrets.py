"""The random passwords and keys of one data directory, readable by its owner only."""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def passwords(file: Path, names: Iterable[str]) -> dict[str, str]:
    """A password for each name, from the file; missing ones are made and added.

    They are hexadecimal: safe in a URI, a shell and a configuration file.
    """
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    made = {name: secrets.token_hex(16) for name in names if name not in known}
    if made:
        _write(file, known | made)
    return known | made


def _write(file: Path, content: dict[str, str]) -> None:
    """Atomic: a half-written file would lock everybody out of the stored data."""
    aside = file.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(aside, file)  # noqa: PTH105 - the name says that it overwrites


KEY_BYTES: Final = 32


def secret_key(file: Path) -> Path:
    """The file of a key, which is made if it is missing."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = file.with_suffix(".new")
        aside.touch(mode=0o600)
        aside.write_text(f"{new_key()}\n")
        os.replace(aside, file)  # noqa: PTH105 - the name says that it overwrites
    return file


def new_key() -> str:
    """A key in base64, for `BMT_RECORDS_KEY` and `BMT_SESSION_KEY`."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


ORIGIN: Final = "bmt.records"
_ED25519: Final = b"\x01"


def ledger_keys(file: Path, verifiers: Path) -> Path:
    """The file of private keys. A missing one is made, with its public half beside it."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = Ed25519PrivateKey.generate()
        verifiers.write_text(f"{_verifier(key)}\n")
        _write_keys(file, key)
    return file


def pem(key: Ed25519PrivateKey) -> str:
    """PKCS#8, for `BMT_LEDGER_KEYS`."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    return key.private_bytes(*form, serialization.NoEncryption()).decode()


def _verifier(key: Ed25519PrivateKey) -> str:
    """In the form of c2sp.org/signed-note: name, key id, key."""
    public = _ED25519 + key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(ORIGIN.encode() + b"\n" + public).digest()[:4]
    return f"{ORIGIN}+{key_id.hex()}+{base64.b64encode(public).decode()}"


def _write_keys(file: Path, key: Ed25519PrivateKey) -> None:
    """Atomic: the file exists only once the public half does."""
    aside = file.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(pem(key))
    os.replace(aside, file)  # noqa: PTH105 - the name says that it overwrites
