"""The transfer storage of an evaluation: copyparty, a file server over HTTP and WebDAV.

The main configuration made here has an admin and a root that holds nothing. Every volume is one
file `volumes/<account>.conf`, owned by provisioning's copyparty connector, which writes it whole
and then asks for `GET /?reload=cfg` as the admin. Such a file, of an open volume:

    [accounts]
      siti: <the owner's password>

    [/siti]
      data/siti
      accs:
        rwmd: siti
        ra: admin
      flags:
        daw
        sz: 0b-2000000000b
        vmaxb: 10000000000b

`data/siti` is relative to the server's working directory, the storage folder. `sz` bounds a file,
`vmaxb` the volume, both in bytes; `daw` lets WebDAV clients overwrite. A closed volume keeps its
`[accounts]` section alone: its owner, still known, then meets 404 where the volume was and 403 on
writing, and the files stay in `data/`.

Quotas are enforced by a hook (`storage_hooks.quota`): copyparty's own check needs its index, which
lags behind uploads sent in quick succession and counts twice what arrives during a reload. `vmaxb`
is still what a client is told, as `quota-used-bytes + quota-available-bytes`; how much of it is used
copyparty does not know without its index. Bans are off, or nine refused requests would shut out
everybody on loopback; the admin's account comes after the volumes, so that no volume file can change
its password.
"""

import hashlib
import hmac
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evaluation.ports import HOST, answers
from evaluation.supervisor import Program

ADMIN: Final = "admin"
PASSWORD_LENGTH: Final = 32
QUOTA_HOOK: Final = Path(__file__).parent / "storage_hooks" / "quota.py"

SETTINGS: Final = """\
[global]
  i: {host}
  p: {port}
  http-only
  usernames
  e2d
  hist: index
  no-robots
  no-thumb
  dont-ban: any
  xbu: c,I,{quota_hook}
  xau: c,I,{quota_hook}
  xbc: c,I,{quota_hook}

[/]
  root
  accs:
    r: @acct
    ra: admin

% volumes/

[accounts]
  admin: {password}
"""


@dataclass(frozen=True)
class Storage:
    """One file server.

    Attributes:
        folder: of its configuration, volumes and their data.
        password: of the admin; the owners' passwords are derived from it.
    """

    folder: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        """A volume is `{url}/{account}/`."""
        return f"http://{HOST}:{self.port}"

    @property
    def volumes(self) -> Path:
        """The folder of volume files."""
        return self.folder / "volumes"

    def program(self) -> Program:
        return Program(
            name="storage",
            command=(
                *(sys.executable, "-m", "evaluation.storage_server"),
                *("-c", str(self._settings), "-q", "--no-ansi"),
            ),
            environment={"XDG_CONFIG_HOME": str(self.folder / "state")},
            folder=self.folder,
            ready=self._ready,
            prepare=self._prepare,
        )

    def owners(self) -> dict[str, str]:
        """The password of each account with a volume file, open or closed."""
        accounts = sorted(file.stem for file in self.volumes.glob("[!.]*.conf"))
        return {account: owner_password(self.password, account) for account in accounts}

    @property
    def _settings(self) -> Path:
        return self.folder / "copyparty.conf"

    async def _prepare(self) -> None:
        for folder in (self.volumes, self.folder / "data", self.folder / "root"):
            folder.mkdir(parents=True, exist_ok=True)
        self._settings.touch(mode=0o600)
        self._settings.write_text(
            SETTINGS.format(
                host=HOST, port=self.port, password=self.password, quota_hook=QUOTA_HOOK
            )
        )

    async def _ready(self) -> bool:
        return await answers(f"{self.url}/?ls", (ADMIN, self.password))


def owner_password(secret: str, account: str) -> str:
    """The password of a volume's owner; the connector derives the same."""
    digest = hmac.new(secret.encode(), account.encode(), hashlib.sha256).hexdigest()
    return digest[:PASSWORD_LENGTH]
