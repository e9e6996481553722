"""Writes copyparty's configuration into its volume: the embedded one, at another address."""

import os
import shutil
from pathlib import Path

from evaluation.storage import QUOTA_HOOK, SETTINGS

FOLDER = Path(os.environ["STORAGE_FOLDER"])
SECRETS = Path(os.environ.get("SECRETS", "/run/secrets"))


def _write() -> None:
    for name in ("volumes", "data", "root"):
        (FOLDER / name).mkdir(exist_ok=True)
    hook = Path(shutil.copy(QUOTA_HOOK, FOLDER / "quota.py"))
    file = FOLDER / "copyparty.conf"
    file.touch(mode=0o600)
    file.write_text(
        SETTINGS.format(
            host=os.environ["STORAGE_HOST"],
            port=os.environ["STORAGE_PORT"],
            password=(SECRETS / "storage").read_text().strip(),
            quota_hook=hook,
        )
    )


if __name__ == "__main__":
    _write()
