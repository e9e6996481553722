"""What the evaluation needs of a machine: a platform, jars as the lock says, ports that nobody else has."""

import hashlib
import platform
import subprocess
import sys

import pytest

from evaluation import machine, ports
from evaluation.supervisor import PartMissing


def test_another_platform_is_sent_to_the_compose_file(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")

    with pytest.raises(PartMissing, match="this is Darwin arm64: use the compose file"):
        machine.refuse_unfit()


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        (
            "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object",
            "libcurl.so.4 is missing: install libcurl4",
        ),
        (
            "mongod: error while loading shared libraries: libx.so.1: cannot open shared object",
            "libx.so.1 is missing: install the package that has libx.so.1",
        ),
        ("first\nIllegal instruction", "does not run here: Illegal instruction"),
        ("", "it said nothing"),
    ],
)
def test_a_binary_that_does_not_run_is_explained(monkeypatch, said, advice):
    def failing(command, **_):
        return subprocess.CompletedProcess(command, 127, stdout="", stderr=said)

    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(subprocess, "run", failing)

    with pytest.raises(PartMissing, match=advice) as refused:
        machine.refuse_unfit()

    assert "\n" not in str(refused.value)


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


CHOICE = (
    "from evaluation import ports; print(ports.any_free_port() if ports._claim({}) else 'taken')"
)


def test_a_port_is_given_once(monkeypatch, tmp_path):
    three = range(61_900, 61_903)
    monkeypatch.setattr(ports, "_BEYOND_THE_KERNELS", three)
    # Whatever other processes have at this moment.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(ports, "is_free", lambda _: True)

    given = {ports.any_free_port() for _ in three}

    assert given == set(three)
    with pytest.raises(PartMissing, match="no free port from 61900 to 61903"):
        ports.any_free_port()


def test_no_other_process_is_given_it():
    port = ports.any_free_port()
    command = [sys.executable, "-c", CHOICE.format(port)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)

    assert ended.stdout == "taken\n"
