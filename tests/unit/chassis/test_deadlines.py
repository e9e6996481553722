"""Who sends or takes slowly is waited for as long as the line may be honest, and keeps nobody else out."""

import asyncio

import httpx
import orjson
import pytest
from eventually import eventually
from fastapi import Request
from parcel_api import parcel_routes
from starlette.responses import StreamingResponse

from bmt.chassis.http import app as serving
from bmt.chassis.http.limits import ConcurrencyLimits, Deadlines
from bmt.chassis.http.routes import api_router

MOST, EACH, WAITING = 8, 3, 6
HEAD_SECONDS, GRACE_SECONDS, RATE = 0.4, 0.8, 1000
DEADLINES = Deadlines(HEAD_SECONDS, GRACE_SECONDS, RATE, WAITING)
HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Gate:
    """A call that takes as long as one likes, and an answer that never ends."""

    def __init__(self) -> None:
        self.opens = asyncio.Event()
        self.inside = 0
        self.sends = 0

    def routes(self):
        routes = api_router()

        @routes.get("/v1/gate")
        async def wait() -> dict[str, str]:
            self.inside += 1
            await self.opens.wait()
            self.inside -= 1
            return {}

        @routes.get("/v1/endless")
        async def endless(_: Request) -> StreamingResponse:
            return StreamingResponse(self.pieces())

        return routes

    async def pieces(self):
        self.sends += 1
        try:
            while True:
                yield b"x" * 65_536
                await asyncio.sleep(0)  # a store's bytes are awaited too
        finally:
            self.sends -= 1


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def port(desk, gate, app_of, served, monkeypatch):
    """Where the parcel API is served, with deadlines that a test can wait for."""
    monkeypatch.setattr(serving, "SHUTDOWN_SECONDS", 1)
    limits = ConcurrencyLimits(most=MOST, each=EACH)
    app = app_of(parcel_routes(desk), gate.routes(), concurrency=limits)
    return await served(app, DEADLINES)


@pytest.fixture
async def connect(port):
    """`reader, writer = await connect(b"...")`: a connection that sent these bytes."""
    writers = []

    async def make(sent=b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        writers.append(writer)
        writer.write(sent)
        return reader, writer

    yield make
    for writer in writers:
        writer.transport.abort()


@pytest.fixture
async def http(port):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client


@pytest.fixture
def scan(issuer):
    """`scan("siti", 1000)`: the head of an upload of so many bytes."""

    def head(subject, size, *more):
        lines = [
            "POST /v1/scans HTTP/1.1",
            "Host: x",
            f"Authorization: Bearer {issuer.token(subject)}",
            f"Idempotency-Key: {subject}-{size}",
            f"Content-Length: {size}",
            *more,
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    return head


def bearer(issuer, subject):
    return {"Authorization": f"Bearer {issuer.token(subject)}"}


async def answered(reader):
    """The answer's status and its body."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode()
    length = next(
        int(line.partition(":")[2])
        for line in head.splitlines()
        if line.lower().startswith("content-length:")
    )
    return head, await reader.readexactly(length)


async def assert_too_slow(reader):
    head, body = await answered(reader)
    assert head.startswith("HTTP/1.1 408 "), head
    assert "content-type: application/problem+json" in head
    problem = orjson.loads(body)
    assert problem["type"] == "urn:bmt:problem:request_timeout"
    assert problem["status"] == 408
    assert await asyncio.wait_for(reader.read(), 10) == b""


async def assert_given_up(connection, pause_seconds):
    """Though a byte comes after every pause."""
    reader, writer = connection

    async def trickle():
        while True:
            writer.write(b"x")
            await asyncio.sleep(pause_seconds)  # time itself: a slow line

    trickling = asyncio.create_task(trickle())
    await assert_too_slow(reader)
    trickling.cancel()


@pytest.mark.parametrize(
    "begun", [b"GET /", b"GET / HTTP/1.1\r\nX-A: ", b"POST /v1/scans HTTP/1.1\r\n"]
)
async def test_a_head_that_does_not_end_is_answered_with_408(connect, begun):
    reader, _ = await connect(begun)
    await assert_too_slow(reader)


async def test_a_head_that_arrives_byte_by_byte_is_given_up_as_one_that_stands_still(connect):
    await assert_given_up(await connect(b"GET / HTTP/1.1\r\nX: "), HEAD_SECONDS / 20)


async def test_a_silent_connection_is_closed_without_a_word(connect):
    reader, _ = await connect()
    assert await asyncio.wait_for(reader.read(), 10) == b""


async def test_a_second_head_on_a_connection_has_its_own_time(connect):
    reader, writer = await connect(HEALTHZ)
    await answered(reader)
    writer.write(b"GET /healthz HTTP/1.1\r\n")
    await assert_too_slow(reader)


@pytest.mark.parametrize(
    ("size", "sent"),
    [(1000, 999), (1000 * RATE, 500 * RATE)],
    ids=["all but a byte", "a fast beginning buys no long silence"],
)
async def test_a_body_that_stands_still_is_answered_with_408(connect, scan, size, sent):
    reader, _ = await connect(scan("siti", size) + b"x" * sent)
    await assert_too_slow(reader)


@pytest.mark.parametrize("path", [b"/v1/me", b"/v1/nothing"])
async def test_a_body_that_nobody_reads_must_arrive_too(connect, path):
    reader, _ = await connect(
        b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    )
    await answered(reader)
    assert await asyncio.wait_for(reader.read(), 10) == b""


async def test_a_body_slower_than_the_least_rate_is_given_up_however_it_is_cut(connect, scan):
    await assert_given_up(await connect(scan("siti", 100 * RATE)), GRACE_SECONDS / 20)


async def test_a_slow_line_that_keeps_to_the_rate_is_waited_for(connect, scan):
    loop = asyncio.get_running_loop()
    size = 4 * RATE
    reader, writer = await connect(scan("siti", size))
    began = loop.time()
    for _ in range(size // 200):
        writer.write(b"x" * 200)
        await asyncio.sleep(200 / RATE * 0.6)  # time itself: a slow line
    head, body = await answered(reader)
    assert head.startswith("HTTP/1.1 201 ")
    assert orjson.loads(body) == {"size_bytes": size}
    assert loop.time() - began > 2 * GRACE_SECONDS


async def test_who_waits_to_be_told_to_send_is_not_slow(connect, scan, gate):
    reader, writer = await connect(scan("siti", 5, "Expect: 100-continue"))
    assert await asyncio.wait_for(reader.readline(), 10) == b"HTTP/1.1 100 Continue\r\n"
    await reader.readline()
    writer.write(b"12345")
    head, _ = await answered(reader)
    assert head.startswith("HTTP/1.1 201 ")


async def test_a_call_that_takes_long_here_is_not_given_up(connect, gate):
    reader, writer = await connect(b"GET /v1/gate HTTP/1.1\r\nHost: x\r\n\r\nGET /health")
    await eventually(lambda: gate.inside == 1)
    asyncio.get_running_loop().call_later(2 * GRACE_SECONDS, gate.opens.set)
    head, _ = await answered(reader)
    assert head.startswith("HTTP/1.1 200 ")
    writer.write(b"z HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _ = await answered(reader)
    assert head.startswith("HTTP/1.1 200 ")


async def test_half_sent_bodies_keep_nobody_else_out(connect, http, scan, issuer):
    half_sent = [await connect(scan(f"caller-{n}", 10**6) + b"x" * 10) for n in range(MOST)]
    assert (await http.get("/v1/me", headers=bearer(issuer, "ali"))).status_code == 200
    key = {"Idempotency-Key": "k", **bearer(issuer, "ali")}
    assert (await http.post("/v1/letters", headers=key)).status_code == 201
    for reader, _ in half_sent:
        await assert_too_slow(reader)


async def test_one_caller_has_a_share_and_no_more(connect, http, scan, issuer):
    half_sent = [await connect(scan("siti", 10**6) + b"x" * 10) for _ in range(3 * MOST)]
    heads = [(await answered(reader))[0].split()[1] for reader, _ in half_sent]
    assert heads.count("429") == 3 * MOST - EACH
    assert heads.count("408") == EACH
    for _ in range(MOST):
        await connect(scan("siti", 10**6) + b"x" * 10)
    assert (await http.get("/v1/me", headers=bearer(issuer, "ali"))).status_code == 200


async def test_who_gave_up_a_share_has_it_again(connect, http, scan, issuer):
    for _ in range(3):
        half_sent = [await connect(scan("siti", 10**6)) for _ in range(EACH)]
        for _, writer in half_sent:
            await writer.drain()
            writer.close()
    siti = bearer(issuer, "siti")

    async def let_in():
        assert (await http.get("/v1/me", headers=siti)).status_code == 200

    await eventually(let_in)


async def test_a_body_that_is_there_counts_against_the_crowd(connect, http, gate, issuer):
    for _ in range(EACH):
        await connect(b"GET /v1/gate HTTP/1.1\r\nHost: x\r\n\r\n")
    await eventually(lambda: gate.inside == EACH)
    refused = await http.get("/v1/me", headers=bearer(issuer, "ali"))
    assert refused.status_code == 429  # the same address, before its caller is known
    assert refused.headers["retry-after"] == "1"
    gate.opens.set()


async def test_who_does_not_take_the_answer_is_given_up(connect, gate):
    _, writer = await connect(b"GET /v1/endless HTTP/1.1\r\nHost: x\r\n\r\n")
    writer.transport.pause_reading()
    await eventually(lambda: gate.sends == 1)
    await eventually(lambda: gate.sends == 0)


async def test_silent_connections_make_room_for_those_who_speak(connect):
    silent = [await connect() for _ in range(5 * WAITING)]
    reader, _ = await connect(HEALTHZ)
    head, _ = await answered(reader)
    assert head.startswith("HTTP/1.1 200 ")
    for reader, _ in silent:
        assert await asyncio.wait_for(reader.read(), 10) == b""
