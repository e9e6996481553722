"""A jar that is not what the lock says is never used."""

import hashlib

import pytest

from evaluation import machine
from evaluation.supervisor import PartMissing

LOCK = """
[[dependencies]]
groupId = "org.apache.kafka"
artifactId = "kafka"
version = "4.1.1"
sha256 = "{kafka}"

[[dependencies]]
groupId = "com.example"
artifactId = "native"
version = "1"
classifier = "linux"
sha256 = "{native}"
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a lock that names two jars."""
    lock = tmp_path / "lock"
    lock.mkdir()
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("kafka", "native")}
    (lock / "jgo.lock.toml").write_text(LOCK.format(**digests))
    monkeypatch.setattr(machine, "SPECIFICATION", lock)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    machine.classpath.cache_clear()
    yield tmp_path / "bmt" / "kafka-4.1.1"
    machine.classpath.cache_clear()


def put(cache, name, content):
    folder = cache / ".jgo" / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)


def test_what_is_here_is_used_without_the_network(cache, monkeypatch):
    monkeypatch.setattr(machine, "_fetch", lambda _: pytest.fail("it fetched"))
    put(cache, "kafka-4.1.1.jar", "kafka")
    put(cache, "native-1-linux.jar", "native")

    assert machine.classpath() == f"{cache}/.jgo/jars/*:{cache}/.jgo/modules/*"


@pytest.mark.parametrize(
    ("name", "content"), [("kafka-4.1.1.jar", "altered"), ("stranger-1.jar", "kafka")]
)
def test_a_jar_that_differs_from_the_lock_is_named_and_refused(cache, monkeypatch, name, content):
    def fetch(folder):
        put(folder, "kafka-4.1.1.jar", "kafka")
        put(folder, "native-1-linux.jar", "native")
        put(folder, name, content)

    monkeypatch.setattr(machine, "_fetch", fetch)

    with pytest.raises(PartMissing, match=name):
        machine.classpath()


def test_a_jar_whose_download_broke_off_is_fetched_again(cache, monkeypatch):
    jars = iter(("kafka-4.1.1.jar", "native-1-linux.jar"))

    def fetch(folder):
        name = next(jars)
        put(folder, name, name.split("-")[0])

    monkeypatch.setattr(machine, "_fetch", fetch)

    assert machine.classpath() == f"{cache}/.jgo/jars/*:{cache}/.jgo/modules/*"
