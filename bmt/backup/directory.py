"""The directory of a backup: sealed files of documents, and the manifest that makes them one whole.

The manifest is written last, so what a death leaves has none, and is no backup. It is plain (names, counts, hashes), and
authenticated under the same key as the files.
"""

import base64
import binascii
import hashlib
import hmac
import os
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, ValidationError

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime.sealed_stream import CipherOf, SealBroken, Sealing, opened

MANIFEST: Final = "manifest.json"
CHANGES: Final = "changes"
"""The file of what changed while the collections were copied."""
SECRETS: Final = "secrets"
"""The file of a data directory's keys."""
KEY_BYTES: Final = 32
READ_BYTES: Final = 1024 * 1024
_LENGTH: Final = struct.Struct("<i")
"""A BSON document begins with its length."""


class Unusable(Exception):  # noqa: N818  named for what is so
    """The backup cannot be restored, or not there. The text says why, and what to do."""


class BackupKey:
    """The operator's key: 32 bytes, kept apart from the backup."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    @classmethod
    def read(cls, file: Path) -> "BackupKey":
        """From a file with the key in base64. Raises `WrongConfiguration` if it has none."""
        try:
            raw = base64.b64decode(file.read_text().strip(), validate=True)
        except OSError as error:
            raise WrongConfiguration(f"--key-file {file}: {error.strerror}") from None
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != KEY_BYTES:
            raise WrongConfiguration(
                f"--key-file {file}: is no key of {KEY_BYTES} bytes in base64: `openssl rand -base64 32` makes one"
            )
        return cls(raw)

    @property
    def check(self) -> str:
        """Shows which key it is, and nothing of the key."""
        return self._derived(b"check").hex()[:16]

    def cipher_of(self, name: str) -> CipherOf:
        """The key of one file, which opens no other."""
        return lambda salt: AESGCM(self._derived(b"file " + name.encode(), salt))

    def mac(self, text: bytes) -> str:
        return hmac.digest(self._derived(b"manifest"), text, "sha256").hex()

    def _derived(self, purpose: bytes, salt: bytes | None = None) -> bytes:
        return HKDF(SHA256(), KEY_BYTES, salt, b"bmt backup: " + purpose).derive(self._raw)


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SealedFile(_Row):
    """One file of documents: a collection (of the database, without the prefix of all), `changes` or `secrets`."""

    name: str
    database: str = ""
    collection: str = ""
    documents: int
    size_bytes: int
    sha256: str


class Manifest(_Row):
    """What a backup holds.

    Attributes:
        schema_version: of the data in it.
        prefix: of the databases' names where it was taken.
        cut_at: the moment (UTC) as of which everything is; what was decided later is not in it.
        kept_apart: what a restored system needs and the backup does not contain.
        key: `BackupKey.check` of the key that opens it.
        mac: of all the rest, under that key.
    """

    format: Literal[1] = 1
    id: str
    version: str
    schema_version: int
    prefix: str
    began_at: datetime
    cut_at: datetime
    finished_at: datetime
    files: tuple[SealedFile, ...]
    kept_apart: tuple[str, ...]
    key: str
    mac: str = ""

    def authenticated(self, key: BackupKey) -> "Manifest":
        text = self.model_copy(update={"mac": ""}).model_dump_json()
        return self.model_copy(update={"mac": key.mac(text.encode())})


class FileBeingWritten:
    """Documents on their way into a sealed file."""

    def __init__(self, file: Any, cipher_of: CipherOf) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._size = 0
        self.documents = 0
        self._sealing = Sealing(self, cipher_of)  # type: ignore[arg-type]  # it is only written to

    def add(self, documents: bytes) -> None:
        """Whole BSON documents, one after the other."""
        self.documents += sum(1 for _ in _places(documents))
        self._sealing.write(documents)

    def write(self, sealed: bytes) -> int:
        self._hash.update(sealed)
        self._size += len(sealed)
        return int(self._file.write(sealed))

    def finished(self, name: str, database: str, collection: str) -> SealedFile:
        self._sealing.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        return SealedFile(
            name=name,
            database=database,
            collection=collection,
            documents=self.documents,
            size_bytes=self._size,
            sha256=self._hash.hexdigest(),
        )


def _places(documents: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Where each document begins and ends; the last one may not be whole."""
    start = 0
    while start + _LENGTH.size <= len(documents):
        (length,) = _LENGTH.unpack_from(documents, start)
        yield start, start + length
        start += length


class NewBackup:
    """A directory that a backup is written into."""

    def __init__(self, folder: Path, key: BackupKey) -> None:
        """Make it, for its owner alone.

        Raises:
            WrongConfiguration: it cannot be made, or is not empty.
        """
        self.folder = folder
        self.key = key
        self.files: list[SealedFile] = []
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            taken = next(folder.iterdir(), None)
        except OSError as error:
            raise WrongConfiguration(f"{folder}: {error.strerror}") from None
        if taken is not None:
            what = "holds a backup" if (folder / MANIFEST).exists() else "is not empty"
            raise WrongConfiguration(f"{folder} {what}: name a directory that is new")

    @contextmanager
    def file(
        self, name: str, database: str = "", collection: str = ""
    ) -> Iterator[FileBeingWritten]:
        """A file, durable when the block ends."""
        with (self.folder / name).open("xb") as file:
            (self.folder / name).chmod(0o600)
            being_written = FileBeingWritten(file, self.key.cipher_of(name))
            yield being_written
            self.files.append(being_written.finished(name, database, collection))

    def finish(self, manifest: Manifest) -> Manifest:
        """Write the manifest: from now on it is a backup."""
        final = manifest.authenticated(self.key)
        aside = self.folder / f".{MANIFEST}"
        with aside.open("x") as file:
            file.write(final.model_dump_json(indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        aside.rename(self.folder / MANIFEST)
        folder = os.open(self.folder, os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)
        return final


class Backup:
    """A finished backup, to be read."""

    def __init__(self, folder: Path, key: BackupKey) -> None:
        """Read the manifest.

        Raises:
            WrongConfiguration: the key is another one.
            Unusable: it was never finished, or its manifest was changed.
        """
        self.folder = folder
        self._key = key
        try:
            self.manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        except FileNotFoundError:
            raise Unusable(
                f"{folder} has no {MANIFEST}: that backup was not finished (or the directory is another). Take another one"
            ) from None
        except (OSError, ValidationError) as error:
            raise Unusable(
                f"{folder / MANIFEST} cannot be read by this version of bmt ({type(error).__name__})"
            ) from None
        if self.manifest.key != key.check:
            raise WrongConfiguration(
                f"--key-file: {folder} was sealed with another key ({self.manifest.key}, and this is {key.check})"
            )
        if not hmac.compare_digest(self.manifest.authenticated(key).mac, self.manifest.mac):
            raise Unusable(
                f"{folder / MANIFEST} was changed since the backup: take another copy of it"
            )

    def verify(self) -> None:
        """Compare every file with its hash. Raises `Unusable`, naming the file."""
        for file in self.manifest.files:
            digest, size = hashlib.sha256(), 0
            try:
                with (self.folder / file.name).open("rb") as content:
                    while chunk := content.read(READ_BYTES):
                        digest.update(chunk)
                        size += len(chunk)
            except OSError as error:
                raise Unusable(f"{self.folder / file.name}: {error.strerror}") from None
            if (size, digest.hexdigest()) != (file.size_bytes, file.sha256):
                raise Unusable(
                    f"{self.folder / file.name} is not what was written: take another copy of the backup"
                )

    @property
    def collections(self) -> Sequence[SealedFile]:
        return [file for file in self.manifest.files if file.collection]

    async def documents(self, name: str) -> AsyncIterator[list[bytes]]:
        """A file's documents, some at a time. Raises `Unusable` where it cannot be opened."""
        if name not in {file.name for file in self.manifest.files}:
            return
        waiting = bytearray()
        try:
            async for piece in opened(self._content(name), self._key.cipher_of(name)):
                waiting += piece
                found = [
                    bytes(waiting[start:end])
                    for start, end in _places(waiting)
                    if end <= len(waiting)
                ]
                del waiting[: sum(map(len, found))]
                if found:
                    yield found
        except SealBroken as error:
            raise Unusable(f"{self.folder / name} cannot be opened: {error}") from None

    async def _content(self, name: str) -> AsyncIterator[bytes]:
        with (self.folder / name).open("rb") as file:
            while chunk := file.read(READ_BYTES):
                yield chunk
