"""Apache Kafka's jars: fetched once by jgo, and each checked against the lock before it is used.

`jgo sync` resolves and downloads, but does not compare what it got with its own lock: we do, each
time. They are kept in `$XDG_CACHE_HOME/bmt/kafka-<version>` (`~/.cache` without the variable).
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from bmt.embedded.errors import PartMissing

SPECIFICATION = Path(__file__).parent / "jars"


def classpath() -> str:
    """What `java -cp` needs to run Kafka; the jars are fetched if they are not here yet.

    Raises:
        PartMissing: they cannot be fetched, or are not what the lock says.
    """
    with _alone(_cache()) as cache:
        if _strangers(cache):
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
    """Two starts at once must not fetch into the same folder."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield cache


def _fetch(cache: Path) -> None:
    """Run jgo; its line for each of a hundred files is kept for the case that it fails."""
    shutil.rmtree(cache / ".jgo", ignore_errors=True)
    for file in ("jgo.toml", "jgo.lock.toml"):
        shutil.copy(SPECIFICATION / file, cache / file)
    # copies, not links: a jar spoilt here must not spoil Maven's own store, or the other way round
    command = (sys.executable, "-m", "jgo", "--links", "copy", "sync")
    console = Console(stderr=True)
    console.print(f"Fetching Apache Kafka {version()} (45 MB, once)")
    with console.status("from Maven Central"):
        result = subprocess.run(  # noqa: S603 - literal
            command, cwd=cache, check=False, capture_output=True, text=True
        )
    if result.returncode:
        said = " ".join((result.stderr or result.stdout).split())
        raise PartMissing(
            f"Kafka's jars could not be fetched, is Maven Central within reach? {said[-300:]}"
        )


def _strangers(cache: Path) -> set[str]:
    """Names of jars that are missing, superfluous or not what the lock says."""
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
