"""Whether this machine can run the embedded parts, said in one line when it cannot."""

import platform
import subprocess

from bmt.embedded.binaries import java, mongod
from bmt.embedded.errors import PartMissing

SECONDS_TO_SAY_ITS_VERSION = 30
LIBRARY_IS_MISSING = "error while loading shared libraries: "


def refuse_unfit() -> None:
    """Try what needs more than Python.

    Raises:
        PartMissing: the platform is another one, or java or mongod does not run.
    """
    system, processor = platform.system(), platform.machine()
    if (system, processor) != ("Linux", "x86_64"):
        raise PartMissing(
            f"the embedded parts run on Linux x86-64, and this is {system} {processor}: "
            f"use the compose file in deploy/compose"
        )
    _version("Java", str(java()), "-version")
    _version("mongod", str(mongod()), "--version")


def _version(name: str, *command: str) -> None:
    try:
        result = subprocess.run(  # noqa: S603 - our own binaries
            command, capture_output=True, text=True, timeout=SECONDS_TO_SAY_ITS_VERSION, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PartMissing(f"{name} does not run here ({error}): see docs/operator.md") from error
    if result.returncode:
        raise PartMissing(f"{name} does not run here: {_advice(result.stderr or result.stdout)}")


def _advice(said: str) -> str:
    """Turn the loader's complaint into what to install."""
    _, found, missing = said.partition(LIBRARY_IS_MISSING)
    if not found:
        return said.strip().splitlines()[-1] if said.strip() else "it said nothing"
    library = missing.partition(":")[0]
    packages = {"libcurl.so.4": "libcurl4", "libcrypto.so.3": "libssl3", "libssl.so.3": "libssl3"}
    package = packages.get(library, f"the package that has {library}")
    return f"{library} is missing: install {package} (Debian, Ubuntu: apt-get install {package})"
