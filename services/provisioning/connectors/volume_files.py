"""The storage's volume files: one `<account>.conf` for each account, replaced atomically.

A replaced file is not in force before the server reloads its configuration. Until then it has a mark beside it,
so that the next reading notices a crash in between. The mark holds the text that was in force before: a file that
the server refuses can be put back after a crash, too, else no volume could be loaded any more.
"""

import fcntl
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bmt.chassis import crash_points
from bmt.contracts.events import EffectiveStorage

SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+'-]*")
"""The account names that are safe in a path and in a configuration line.

Any other character could mean another folder, another directive, or everybody (`*`).
"""

_LARGEST_FILE: Final = re.compile(r"^    sz: 0b-([0-9]+)b$", re.MULTILINE)

_ACCOUNT: Final = """\
[accounts]
  {account}: {password}
"""
_VOLUME: Final = """\

[/{account}]
  data/{account}
  accs:
    rwmd: {account}
    ra: {admin}
  flags:
    daw
    sz: 0b-{largest}b
    vmaxb: {quota}b
"""


def volume_text(account: str, password: str, admin: str, desired: EffectiveStorage) -> str:
    """The file of an open or closed volume; the owner of a closed one stays known, and finds nothing.

    Sizes are in bytes (`b`), so that the server rounds nothing.
    """
    known = _ACCOUNT.format(account=account, password=password)
    if not desired.enabled:
        return known
    return known + _VOLUME.format(
        account=account,
        admin=admin,
        largest=desired.max_file_size_bytes,
        quota=desired.quota_bytes,
    )


@dataclass(frozen=True, slots=True)
class Volume:
    """The file of one account's volume.

    Attributes:
        text: None if there is no file.
        owes_reload: the file may not be in force.
    """

    owner: str
    text: str | None
    owes_reload: bool

    @property
    def largest_file_bytes(self) -> int | None:
        """The largest file that it allows; None if it is closed."""
        found = _LARGEST_FILE.search(self.text or "")
        return int(found[1]) if found else None


class VolumeFiles:
    """The folder that the server's configuration includes. Its methods block: they write to the disk."""

    def __init__(self, folder: Path) -> None:
        """`folder` must exist before something is written."""
        self._folder = folder

    def look(self, accounts: Collection[str]) -> Mapping[str, Volume]:
        """The volume of each account, under the existing spelling of its name.

        IPMS takes `Siti` and `siti` for one account, the storage for two.
        """
        known: Mapping[str, str] = {}
        if any(not self._file(account).exists() for account in accounts):
            names = (file.name.removesuffix(".conf") for file in self._folder.glob("[!.]*.conf"))
            known = {name.casefold(): name for name in names}
        owners = {
            account: account
            if self._file(account).exists()
            else known.get(account.casefold(), account)
            for account in accounts
        }
        return {
            account: Volume(owner, self.read(owner), self.owes_reload(owner))
            for account, owner in owners.items()
        }

    def read(self, owner: str) -> str | None:
        """The file's text; None if there is none."""
        try:
            return self._file(owner).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def replace(self, texts: Mapping[str, str | None]) -> Mapping[str, str | None]:
        """Replace each file's text atomically (None: no file); the former texts."""
        former = {owner: self.read(owner) for owner in texts}
        for owner, text in former.items():
            if not self.owes_reload(owner):
                _write(self._folder / f".{owner}.new", text or "", self._mark(owner))
        _sync(self._folder)
        crash_points.reached("provisioning.volume_files.marked")
        for owner, text in texts.items():
            if text is None:
                self._file(owner).unlink(missing_ok=True)
            else:
                _write(self._folder / f".{owner}.new", text, self._file(owner))
            crash_points.reached("provisioning.volume_files.replaced")
        _sync(self._folder)
        return former

    def owes_reload(self, owner: str) -> bool:
        """Whether the file may not be in force."""
        return self._mark(owner).exists()

    def in_force(self, owners: Collection[str]) -> None:
        """Remove the marks: the server has loaded these files."""
        for owner in owners:
            self._mark(owner).unlink(missing_ok=True)

    def put_back(self) -> Collection[str]:
        """Give every file that may not be in force the text from before; their owners."""
        marks = self._folder.glob(".*.unloaded")
        before = {
            mark.name[1:].removesuffix(".unloaded"): mark.read_text() or None for mark in marks
        }
        self.replace(before)
        return before.keys()

    def lock(self) -> int | None:
        """Become the only process that replaces and loads files, until `unlock`; None: another process is.

        The lock ends with its process (flock), so it needs no expiry.
        """
        descriptor = os.open(self._folder / ".writer", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def unlock(self, descriptor: int) -> None:
        os.close(descriptor)

    def _file(self, owner: str) -> Path:
        return self._folder / f"{owner}.conf"

    def _mark(self, owner: str) -> Path:
        return self._folder / f".{owner}.unloaded"


def _write(draft: Path, text: str, file: Path) -> None:
    """The file holds a password: only we and the folder's group may read it, if the server is another user."""
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    crash_points.reached("provisioning.volume_files.drafted")
    draft.replace(file)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
