"""The volume files of the transfer storage: exact sizes, whole files, and no account that is not one."""

import asyncio

import httpx
import pytest
from eventually import eventually
from fixtures.alone import Alone

from bmt.chassis.runtime import clock
from bmt.contracts.events import EffectiveStorage
from services.provisioning.connectors import copyparty
from services.provisioning.connectors.connector import TargetAway, TargetRefused
from services.provisioning.connectors.copyparty import Copyparty
from services.provisioning.connectors.volume_files import SAFE, VolumeFiles, volume_text

SITI = "siti.mampu@mygovuc.gov.my"

OPEN = EffectiveStorage(enabled=True, quota_bytes=10_000_000_000, max_file_size_bytes=2_000_000_000)

CLOSED = EffectiveStorage(enabled=False, quota_bytes=None, max_file_size_bytes=None)


@pytest.fixture
def files(tmp_path):
    return VolumeFiles(tmp_path)


def largest(files):
    return files.look([SITI])[SITI].largest_file_bytes


def owner(files, account):
    return files.look([account])[account].owner


def test_an_open_volume_says_its_sizes_in_bytes_and_a_closed_one_its_owner_alone():
    owner = "[accounts]\n  siti: secret\n"
    assert volume_text("siti", "secret", "admin", CLOSED) == owner
    assert volume_text("siti", "secret", "admin", OPEN) == (
        f"{owner}\n[/siti]\n  data/siti\n  accs:\n    rwmd: siti\n"
        "    ra: admin\n  flags:\n    daw\n    sz: 0b-2000000000b\n    vmaxb: 10000000000b\n"
    )


def test_the_largest_file_is_read_from_an_open_volume_only(files):
    assert largest(files) is None
    files.replace({SITI: volume_text(SITI, "secret", "admin", OPEN)})
    assert largest(files) == 2_000_000_000
    files.replace({SITI: volume_text(SITI, "secret", "admin", CLOSED)})
    assert largest(files) is None


def test_what_was_replaced_is_marked_until_it_is_in_force(files, tmp_path):
    assert files.replace({SITI: "first"}) == {SITI: None}
    assert files.replace({SITI: "second"}) == {SITI: "first"}
    assert files.owes_reload(SITI)

    files.in_force([SITI])

    assert not VolumeFiles(tmp_path).owes_reload(SITI)
    assert [file.name for file in tmp_path.iterdir()] == [f"{SITI}.conf"]
    assert (tmp_path / f"{SITI}.conf").stat().st_mode & 0o007 == 0


def test_a_volume_is_found_whatever_the_case(files):
    assert owner(files, "SITI.mampu@mygovuc.gov.my") == "SITI.mampu@mygovuc.gov.my"
    files.replace({SITI: "there"})
    assert owner(files, "SITI.mampu@mygovuc.gov.my") == SITI
    assert owner(files, "siti") == "siti"


def test_many_volumes_are_replaced_and_put_back_together(files):
    files.replace({"kamal": "before"})
    former = files.replace({SITI: "new", "kamal": "after"})
    assert former == {SITI: None, "kamal": "before"}
    files.replace(former)
    assert {name: files.read(name) for name in former} == former
    assert all(one.owes_reload for one in files.look(former).values())


def test_one_process_at_a_time_replaces_files(files, tmp_path):
    other = VolumeFiles(tmp_path)
    mine = files.lock()
    assert mine is not None
    assert other.lock() is None
    files.unlock(mine)
    theirs = other.lock()
    assert theirs is not None
    other.unlock(theirs)


@pytest.mark.parametrize(
    "account",
    ["", "../x", "a/b", ".hidden", "-dash", "*", "a b", "a,b", "a\nb", "a\n", "#a", "[a]", "${a}"],
)
def test_what_could_be_another_path_or_directive_is_not_safe(account):
    assert not SAFE.fullmatch(account)


SIZES = "<D:quota-available-bytes>90</D:quota-available-bytes><D:quota-used-bytes>{}</D:quota-used-bytes>"


def response(href: str, used: str = "10") -> str:
    named = f"<D:href>{href}</D:href>" if href else ""
    found = f"<D:propstat><D:prop>{SIZES.format(used)}</D:prop></D:propstat>"
    return f"<D:response>{named}{found}</D:response>"


def multistatus(*responses: str) -> str:
    return f'<D:multistatus xmlns:D="DAV:">{"".join(responses)}</D:multistatus>'


async def quota_by(text: str, folder, base: str = "http://storage", status: int = 207):
    """The quota that is read from this answer, for the administrator and for the owner."""
    answer = httpx.MockTransport(lambda _: httpx.Response(status, text=text))
    http = httpx.AsyncClient(base_url=base, transport=answer)
    storage = Alone(Copyparty(http, VolumeFiles(folder), "admin", "secret", clock.now))
    reading = await storage.read_back("si+ti@x")
    await storage.close()
    return reading.effective.quota_bytes


@pytest.mark.parametrize(
    ("href", "base"),
    [
        ("/si%2Bti%40x/", "http://storage"),
        ("/si+ti@x", "http://storage"),
        ("http://storage/si%2Bti@x/", "http://storage"),
        ("/big/si+ti@x/", "http://storage/big"),
        ("/si+ti@x/", "http://storage/big/"),
    ],
)
async def test_a_volume_is_known_by_its_path(href, base, tmp_path):
    assert await quota_by(multistatus(response(href)), tmp_path, base) == 100


@pytest.mark.parametrize(
    "text",
    [
        multistatus(response("/si+ti@xy/")),
        multistatus(response("/")),
        multistatus(response("/other/si+ti@x/")),
        multistatus(response("/si+ti@x/"), response("/other/")),
        multistatus(response("")),
        multistatus(),
    ],
)
async def test_an_answer_about_another_volume_is_refused(text, tmp_path):
    with pytest.raises(TargetRefused, match="another volume"):
        await quota_by(text, tmp_path)


@pytest.mark.parametrize(
    "text", ["<h1>Welcome", "", "<html/>", multistatus(response("/si+ti@x/", "some"))]
)
async def test_what_is_no_webdav_is_an_outage(text, tmp_path):
    with pytest.raises(TargetAway):
        await quota_by(text, tmp_path)


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

    before = volume_text("ravi", "secret", "admin", CLOSED)
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
