"""How a storage that reads its configuration slowly is treated: one reload at a time, none given up."""

import asyncio

import httpx
import pytest
from eventually import eventually
from fixtures.alone import Alone

from bmt.chassis.runtime import clock
from bmt.contracts.events import EffectiveStorage
from services.provisioning.connectors import copyparty
from services.provisioning.connectors.connector import TargetAway
from services.provisioning.connectors.copyparty import Copyparty
from services.provisioning.connectors.volume_files import VolumeFiles, volume_text

OPEN = EffectiveStorage(enabled=True, quota_bytes=10_000_000_000, max_file_size_bytes=2_000_000_000)
QUOTA = (
    '<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>{}</D:href>'
    "<D:quota-available-bytes>10000000000</D:quota-available-bytes><D:quota-used-bytes>0"
    "</D:quota-used-bytes></D:response></D:multistatus>"
)


class SlowServer:
    """Answers a reload when it is told to, and goes by the files that are there then."""

    def __init__(self) -> None:
        self.reloads = 0
        self.under_way = 0
        self.most_under_way = 0
        self.go_on = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PROPFIND":
            return httpx.Response(207, text=QUOTA.format(request.url.path))
        self.reloads += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await self.go_on.wait()
        self.under_way -= 1
        return httpx.Response(200)


@pytest.fixture
def server():
    return SlowServer()


@pytest.fixture
async def storage(server, tmp_path, monkeypatch):
    monkeypatch.setattr(copyparty, "PATIENCE_SECONDS", 0.1)
    http = httpx.AsyncClient(base_url="http://storage", transport=httpx.MockTransport(server))
    storage = Alone(Copyparty(http, VolumeFiles(tmp_path), "admin", "secret", clock.now))
    yield storage
    server.go_on.set()
    await storage.close()


async def test_a_reload_that_takes_long_is_waited_for_and_not_asked_again(server, storage):
    with pytest.raises(TargetAway) as away:
        await storage.apply("siti", OPEN)
    assert away.value.reason == "is still reading its configuration"
    for _ in range(3):
        with pytest.raises(TargetAway):
            await storage.read_back("siti")

    assert (server.reloads, server.most_under_way) == (1, 1)


async def test_what_a_reload_brought_about_counts_when_nobody_waited_for_it(
    server, storage, tmp_path
):
    with pytest.raises(TargetAway):
        await storage.apply("siti", OPEN)
    server.go_on.set()
    await eventually(lambda: not VolumeFiles(tmp_path).owes_reload("siti"))

    assert (await storage.read_back("siti")).effective == OPEN
    assert server.reloads == 1


async def test_changes_that_come_during_a_reload_share_the_next(server, storage, monkeypatch):
    monkeypatch.setattr(copyparty, "PATIENCE_SECONDS", 30)
    first = asyncio.create_task(storage.apply("siti", OPEN))
    await eventually(lambda: server.reloads == 1)
    others = [asyncio.create_task(storage.apply(name, OPEN)) for name in ("ravi", "kamal", "lim")]
    await eventually(lambda: len(storage.connector._changes._waiting) == len(others))
    server.go_on.set()

    await asyncio.gather(first, *others)

    assert (server.reloads, server.most_under_way) == (2, 1)


async def test_a_volume_that_a_crash_left_unloaded_is_loaded_before_it_is_read(
    server, storage, tmp_path
):
    server.go_on.set()
    text = volume_text("siti", "secret", "admin", OPEN)
    VolumeFiles(tmp_path).replace({"siti": text})

    assert (await storage.read_back("siti")).effective == OPEN
    assert server.reloads == 1
    assert VolumeFiles(tmp_path).read("siti") == text


async def test_a_file_that_a_crash_left_refused_is_put_back_so_that_all_others_can_be_loaded(
    tmp_path,
):
    """It died after the server refused the file, and before the text from before was there again."""
    refused = volume_text("ravi", "secret", "admin", OPEN)

    async def answers(request: httpx.Request) -> httpx.Response:
        if request.method == "PROPFIND":
            return httpx.Response(207, text=QUOTA.format(request.url.path))
        return httpx.Response(500 if VolumeFiles(tmp_path).read("ravi") == refused else 200)

    closed = EffectiveStorage(enabled=False, quota_bytes=None, max_file_size_bytes=None)
    before = volume_text("ravi", "secret", "admin", closed)
    VolumeFiles(tmp_path).replace({"ravi": before})
    VolumeFiles(tmp_path).in_force(["ravi"])
    VolumeFiles(tmp_path).replace({"ravi": refused, "lim": refused})
    VolumeFiles(tmp_path).replace({"lim": before})  # the mark keeps what was in force

    http = httpx.AsyncClient(base_url="http://storage", transport=httpx.MockTransport(answers))
    storage = Alone(Copyparty(http, VolumeFiles(tmp_path), "admin", "secret", clock.now))
    await storage.apply("siti", OPEN)
    await storage.close()

    files = VolumeFiles(tmp_path)
    assert (files.read("ravi"), files.read("lim")) == (before, None)
    assert not any(map(files.owes_reload, ("ravi", "lim", "siti")))
    assert "[/siti]" in (files.read("siti") or "")


async def test_a_list_of_volumes_is_one_reload(server, storage, monkeypatch):
    monkeypatch.setattr(copyparty, "PATIENCE_SECONDS", 30)
    server.go_on.set()
    names = [f"pegawai{number}" for number in range(100)]

    answers = await storage.connector.apply(dict.fromkeys(names, OPEN))

    assert answers == dict.fromkeys(names)
    assert server.reloads == 1
    readings = await storage.connector.read_back(names)
    assert all(reading.effective == OPEN for reading in readings.values())
    assert server.reloads == 1


async def test_one_volume_that_the_server_refuses_keeps_no_other_from_its_own(
    server, storage, tmp_path, monkeypatch
):
    monkeypatch.setattr(copyparty, "PATIENCE_SECONDS", 30)
    server.go_on.set()
    reload = server.__call__

    async def refusing(request):
        answer = await reload(request)
        bad = request.method == "GET" and (tmp_path / "jahat.conf").exists()
        return httpx.Response(500) if bad else answer

    monkeypatch.setattr(
        storage.connector._server._http, "_transport", httpx.MockTransport(refusing)
    )
    names = ["siti", "ravi", "jahat", "kamal", "lim", "aminah", "faiz", "zainab"]

    answers = await storage.connector.apply(dict.fromkeys(names, OPEN))

    assert answers.pop("jahat").code == "volume_refused"
    assert answers == dict.fromkeys(name for name in names if name != "jahat")
    assert not (tmp_path / "jahat.conf").exists()
    assert server.reloads <= 12, "found by halves, not one by one"


async def test_while_another_process_has_volumes_loaded_nothing_is_written(
    server, storage, tmp_path, monkeypatch
):
    monkeypatch.setattr(copyparty, "PATIENCE_SECONDS", 30)
    server.go_on.set()
    other = VolumeFiles(tmp_path)
    lock = other.lock()
    writing = asyncio.create_task(storage.apply("siti", OPEN))
    await eventually(lambda: storage.connector._changes._draining is not None)
    monkeypatch.setattr(copyparty, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(TargetAway):
        await storage.apply("ravi", OPEN)
    assert (server.reloads, other.read("siti"), other.read("ravi")) == (0, None, None)

    other.unlock(lock)

    await writing
    assert other.read("siti") is not None
