"""How much one call, and one caller, may ask for."""

import asyncio
from contextlib import suppress
from ipaddress import ip_network

import httpx
import pytest
from eventually import eventually
from fastapi import Request
from fixtures.problems import assert_problem
from parcel_api import calling, parcel_routes

from bmt.chassis.http import bodies, limits
from bmt.chassis.http.limits import ClientAddress, ConcurrencyLimits, RateLimit
from bmt.chassis.http.routes import api_router
from bmt.contracts.problems import Refused


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def passed(limit: RateLimit, caller: str, tries: int) -> int:
    """How many of so many calls were let through."""
    count = 0
    for _ in range(tries):
        try:
            limit.take(caller)
            count += 1
        except Refused:
            pass
    return count


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_caller_has_a_burst_and_then_so_many_calls_a_second(clock):
    limit = RateLimit(10, 50, monotonic=clock)
    assert passed(limit, "siti", 100) == 50
    clock.now += 1
    assert passed(limit, "siti", 100) == 10
    clock.now += 3600
    assert passed(limit, "siti", 100) == 50


def test_a_burst_is_five_seconds_of_calls(clock):
    assert passed(RateLimit(10, monotonic=clock), "siti", 100) == 50
    assert passed(RateLimit(0.1, monotonic=clock), "siti", 100) == 1


def test_refused_calls_do_not_count(clock):
    limit = RateLimit(10, 1, monotonic=clock)
    passed(limit, "siti", 1000)
    clock.now += 0.1001
    limit.take("siti")


def test_asking_again_when_told_is_let_through(clock):
    limit = RateLimit(0.1, 1, monotonic=clock)
    limit.take("siti")
    with pytest.raises(Refused) as refused:
        limit.take("siti")
    clock.now += refused.value.extra["retry_after_seconds"]
    limit.take("siti")


def test_no_limit_is_no_limit(clock):
    assert passed(RateLimit(0, monotonic=clock), "siti", 10_000) == 10_000


def test_many_callers_do_not_fill_the_memory(clock):
    limit = RateLimit(10, 50, monotonic=clock, callers=100)
    for number in range(1000):
        limit.take(f"caller-{number}")
    assert len(limit._full_at) == 100
    clock.now += 60
    limit.take("one more")
    assert len(limit._full_at) == 1


@pytest.fixture
def limited(desk, app_of, clock) -> httpx.AsyncClient:
    """A client of the parcel API that lets each caller make three calls."""
    return calling(app_of(parcel_routes(desk), rate_limit=RateLimit(1, 3, monotonic=clock)))


async def test_a_caller_of_too_many_calls_is_told_when_to_ask_again(limited, issuer):
    siti = {"Authorization": f"Bearer {issuer.token('siti')}"}
    answers = [await limited.get("/v1/me", headers=siti) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert_problem(answers[-1], "too_many_requests")
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_another_token_of_the_same_caller_is_no_way_around(limited, issuer):
    for number in range(3):
        headers = {"Authorization": f"Bearer {issuer.token('siti', name=str(number))}"}
        assert (await limited.get("/v1/me", headers=headers)).status_code == 200
    headers = {"Authorization": f"Bearer {issuer.token('siti', name='another')}"}
    assert_problem(await limited.get("/v1/me", headers=headers), "too_many_requests")


async def test_a_body_that_is_nested_too_deeply_is_refused(client, operator):
    levels = bodies.MOST_LEVELS
    for deep in (levels, levels + 1, 500, 200_000):
        body = b"[" * deep + b"]" * deep
        answer = await client.post("/v1/parcels", content=body, headers=operator)
        problem = assert_problem(answer, "validation_failed")
        assert ("read as JSON" in problem["detail"]) == (deep > levels)


def test_a_long_flat_body_is_not_deep():
    assert len(bodies.read_json(b"[" + b",".join([b'{"a":[1]}'] * 1000) + b"]")) == 1000


async def test_headers_that_are_too_large_are_refused(client, operator):
    fits = {**operator, "X-Padding": "x" * (limits.MOST_HEAD_BYTES - 4096)}
    large = {**operator, "X-Padding": "x" * limits.MOST_HEAD_BYTES}
    assert (await client.get("/v1/me", headers=fits)).status_code == 200
    problem = assert_problem(await client.get("/v1/me", headers=large), "headers_too_large")
    assert problem["limit_bytes"] == limits.MOST_HEAD_BYTES


async def test_an_address_that_is_too_long_is_refused(client, operator):
    answer = await client.get(f"/v1/me?q={'x' * limits.MOST_HEAD_BYTES}", headers=operator)
    assert_problem(answer, "headers_too_large")


@pytest.fixture
async def socket_of(limited, served):
    """`reader, writer = await socket_of()`: a connection to the API behind its real server."""
    port = await served(limited._transport.app)
    return lambda: asyncio.open_connection("127.0.0.1", port)


async def taken(reader, writer, beginning, piece) -> int:
    """How much is taken of what never ends, until it is refused."""
    writer.write(beginning)
    sent = 0
    while not (reader.at_eof() or writer.is_closing()) and sent < 100 * limits.MOST_HEAD_BYTES:
        writer.write(piece)
        sent += len(piece)
        await asyncio.wait({asyncio.ensure_future(writer.drain())})
        await asyncio.sleep(0)  # no time: others have their turn of the loop
        if b"HTTP/1.1 431 " in reader._buffer:
            break
    return sent


@pytest.mark.parametrize("endless", [b"GET /", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nX: "])
async def test_a_head_that_never_ends_is_given_up(socket_of, endless):
    reader, writer = await socket_of()
    piece = b"X-A: " + b"a" * 2000 + b"\r\n" if endless.endswith(b"\n") else b"a" * 2000
    assert await taken(reader, writer, endless, piece) < 50 * limits.MOST_HEAD_BYTES
    assert (await reader.readline()).startswith(b"HTTP/1.1 431 ")
    writer.close()


async def test_many_calls_on_one_connection_are_no_large_head(socket_of):
    reader, writer = await socket_of()
    for _ in range(200):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2000 + b"\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        await reader.readuntil(b"}")
    writer.close()


CHUNKED = (
    b"POST /v1/letters HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    b"Idempotency-Key: k\r\n\r\n"
)


@pytest.mark.parametrize("endless", [b"0\r\nX: ", b"0\r\n", b"5;x="])
async def test_what_stands_around_a_body_is_given_up_when_it_never_ends(socket_of, endless):
    reader, writer = await socket_of()
    piece = b"X-A: " + b"a" * 2000 + b"\r\n" if endless == b"0\r\n" else b"a" * 2000
    sent = await taken(reader, writer, CHUNKED + endless, piece)
    assert sent < 50 * limits.MOST_HEAD_BYTES
    writer.close()


async def test_a_body_in_the_smallest_pieces_is_no_large_head(socket_of, issuer):
    reader, writer = await socket_of()
    writer.write(
        b"POST /v1/scans HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nIdempotency-Key: k\r\n"
        b"Authorization: Bearer " + issuer.token("siti").encode() + b"\r\n\r\n"
    )
    for _ in range(500):
        writer.write(b"1\r\nx\r\n" * 100)
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 201 ")
    assert b'{"size_bytes":50000}' in await reader.readuntil(b"}")
    writer.close()


async def test_a_large_body_and_the_next_head_behind_it_are_no_large_head(socket_of):
    reader, writer = await socket_of()
    body = b"x" * 3 * limits.MOST_HEAD_BYTES
    head = b"POST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    writer.write(head + body + b"GET /healthz HTTP/1.1\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
    await reader.readuntil(b"}")
    writer.write(b"Host: x\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_a_trailer_is_no_header(socket_of, issuer):
    reader, writer = await socket_of()
    token = issuer.token("siti").encode()
    writer.write(CHUNKED + b"0\r\nAuthorization: Bearer " + token + b"\r\nX: y\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
    writer.close()


async def test_calls_that_are_sent_far_ahead_of_their_answers_are_given_up(socket_of):
    reader, writer = await socket_of()
    call = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    writer.write(call * 5000)
    answered = b""
    with suppress(ConnectionResetError):
        while piece := await asyncio.wait_for(reader.read(65_536), 10):
            answered += piece
    assert answered.count(b"HTTP/1.1 200 ") < 200
    writer.close()


async def test_some_calls_may_be_sent_ahead(socket_of):
    reader, writer = await socket_of()
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    for _ in range(50):
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        await reader.readuntil(b"}")
    writer.close()


MOST = 3


class Counter:
    """A counter with one clerk, who can be held up."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.under_way = 0

    async def serve(self, _: Request) -> dict[str, str]:
        self.under_way += 1
        await self.goes_on.wait()
        self.under_way -= 1
        return {"served": "yes"}


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def crowded(counter, app_of) -> httpx.AsyncClient:
    routes = api_router()
    routes.get("/v1/counter")(counter.serve)
    return calling(app_of(routes, concurrency=ConcurrencyLimits(most=MOST, each=MOST)))


async def test_who_comes_to_a_crowd_is_told_to_come_again_and_the_crowd_is_served(counter, crowded):
    first = [asyncio.create_task(crowded.get("/v1/counter")) for _ in range(MOST)]
    await eventually(lambda: counter.under_way == MOST)
    refused = await asyncio.gather(*(crowded.get("/v1/counter") for _ in range(20)))
    for answer in refused:
        assert_problem(answer, "unavailable")
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["cache-control"] == "no-store"
    assert (await crowded.get("/healthz")).status_code == 200
    assert (await crowded.get("/readyz")).status_code == 200
    assert (await crowded.get("/metrics")).status_code == 200

    counter.goes_on.set()
    assert [answer.status_code for answer in await asyncio.gather(*first)] == [200] * MOST
    assert (await crowded.get("/v1/counter")).status_code == 200


async def test_who_goes_away_or_is_refused_leaves_a_place(counter, crowded):
    for _ in range(MOST):
        leaving = asyncio.create_task(crowded.get("/v1/counter"))
        await eventually(lambda: counter.under_way > 0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        counter.under_way = 0
        assert (await crowded.get("/v1/nothing")).status_code == 404
    counter.goes_on.set()
    assert (await crowded.get("/v1/counter")).status_code == 200


XFF = "X-Forwarded-For"

PEERS, ONE = ClientAddress(), ClientAddress(XFF)

SEVERAL = ClientAddress(XFF, [ip_network("10.0.0.0/8"), ip_network("fd00::/8")])


def call(peer="10.0.0.1", *forwarded, name=XFF):
    headers = [(name.lower().encode(), one.encode("latin-1")) for one in forwarded]
    return Request({"type": "http", "client": peer and (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("address", "peer", "forwarded", "counted"),
    [
        # Without a header of a gateway the peer counts, whatever it says.
        (PEERS, "198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
        (PEERS, "2001:db8:1:2:3:4:5:6", ["203.0.113.9"], "2001:db8:1:2::/64"),
        (PEERS, "::ffff:198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
        (PEERS, "testclient", ["203.0.113.9"], "testclient"),
        (PEERS, None, ["203.0.113.9"], ""),
        # Behind one gateway, what it wrote itself counts.
        (ONE, "10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        (ONE, "10.0.0.1", ["192.0.2.1, 203.0.113.9"], "203.0.113.9"),
        (ONE, "10.0.0.1", ["192.0.2.1", "203.0.113.9"], "203.0.113.9"),
        (ONE, "10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        (ONE, "10.0.0.1", ["[2001:db8::9]:4711"], "2001:db8::/64"),
        (ONE, "10.0.0.1", ["2001:db8::9"], "2001:db8::/64"),
        (ONE, "10.0.0.1", ['"[2001:db8::9]"'], "2001:db8::/64"),
        (ONE, "10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        (ONE, "10.0.0.1", ["fe80::1%eth0"], "fe80::/64"),
        (ONE, "10.0.0.1", [], "10.0.0.1"),
        (ONE, "10.0.0.1", [""], "10.0.0.1"),
        (ONE, "10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
        (ONE, "10.0.0.1", ["203.0.113.9,"], "10.0.0.1"),
        (ONE, "10.0.0.1", ["<script>"], "10.0.0.1"),
        (ONE, "10.0.0.1", ["1" * 30_000], "10.0.0.1"),
        (ONE, "10.0.0.1", ["192.0.2.1," * 3000 + "203.0.113.9"], "203.0.113.9"),
        # Behind several, the rightmost that is none of them.
        (SEVERAL, "10.0.0.1", ["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (SEVERAL, "10.0.0.1", ["192.0.2.1, 203.0.113.9, 10.0.0.2, fd00::2"], "203.0.113.9"),
        (SEVERAL, "10.0.0.1", ["10.0.0.9, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (SEVERAL, "10.0.0.1", ["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
        (SEVERAL, "10.0.0.1", ["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
        # Who comes past them counts by their own address.
        (SEVERAL, "198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
        (SEVERAL, "fe80::1", ["203.0.113.9"], "fe80::/64"),
        (SEVERAL, None, ["203.0.113.9"], ""),
    ],
)
def test_a_call_counts_for_the_address_that_no_client_wrote(address, peer, forwarded, counted):
    assert address.of(call(peer, *forwarded)) == counted


def test_another_header_is_read_where_the_setting_names_it():
    assert ClientAddress("X-Real-IP").of(call("10.0.0.1", "203.0.113.9")) == "10.0.0.1"
    told = call("10.0.0.1", "203.0.113.9", name="X-Real-IP")
    assert ClientAddress("X-Real-IP").of(told) == "203.0.113.9"
