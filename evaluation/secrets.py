"""The random passwords and keys of one data directory, readable by its owner only."""

import base64
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bmt.chassis.errors import WrongConfiguration
from services.records.tree.checkpoints import KeyUnusable, Signer


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


def ledger_keys(file: Path, verifiers: Path) -> Path:
    """The file of private keys, which is made if it is missing. Every public half that there ever was stays beside it.

    Raises:
        WrongConfiguration: a key cannot be used.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = file.read_text() if file.exists() else pem(Ed25519PrivateKey.generate())
    known = verifiers.read_text() if verifiers.exists() else ""
    try:
        own = [str(verifier) for verifier in Signer.from_pem(ORIGIN, keys).verifiers]
    except KeyUnusable as error:
        raise WrongConfiguration(f"{file}: {error}") from None
    verifiers.write_text(known + "".join(f"{key}\n" for key in own if key not in known))
    if not file.exists():
        _write_keys(file, keys)
    return file


def pem(key: Ed25519PrivateKey) -> str:
    """PKCS#8, for `BMT_LEDGER_KEYS`."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    return key.private_bytes(*form, serialization.NoEncryption()).decode()


def _write_keys(file: Path, keys: str) -> None:
    """Atomic: the file exists only once the public half does."""
    aside = file.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(keys)
    os.replace(aside, file)  # noqa: PTH105 - the name says that it overwrites
