"""The keys that sign the ledger of one data directory: made once, kept outside the database."""

import base64
import hashlib
import os
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN: Final = "bmt.records"
_ED25519: Final = b"\x01"


def ledger_keys(file: Path, verifiers: Path) -> Path:
    """The file of private keys; a new one with its public half beside it when there is none."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = Ed25519PrivateKey.generate()
        verifiers.write_text(f"{_verifier(key)}\n")
        _write(file, key)
    return file


def pem(key: Ed25519PrivateKey) -> str:
    """As `BMT_LEDGER_KEYS` takes it: PKCS#8."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    return key.private_bytes(*form, serialization.NoEncryption()).decode()


def _verifier(key: Ed25519PrivateKey) -> str:
    """As c2sp.org/signed-note writes it: name, key id, key."""
    public = _ED25519 + key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(ORIGIN.encode() + b"\n" + public).digest()[:4]
    return f"{ORIGIN}+{key_id.hex()}+{base64.b64encode(public).decode()}"


def _write(file: Path, key: Ed25519PrivateKey) -> None:
    """Atomically, for its owner's eyes only: the file is there when the public half is."""
    aside = file.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(pem(key))
    os.replace(aside, file)  # noqa: PTH105 - the name says that it overwrites
