"""A wire passes on what comes, until it is cut, held or slowed; mended, it is as before."""

import asyncio

import pytest

from evaluation.ports import HOST, any_free_port
from prove.site import Wire


@pytest.fixture
async def wire():
    """To somebody who says again whatever is said."""

    async def again(reader, writer):
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(again, HOST, 0)
    port = any_free_port()
    async with Wire(port, server.sockets[0].getsockname()[1]).laid() as wire:
        wire.connect = lambda: asyncio.open_connection(HOST, port)
        yield wire
    server.close()


async def said(reader, writer, line=b"hello\n", seconds=5):
    writer.write(line)
    return await asyncio.wait_for(reader.readline(), seconds)


async def broken(reader, writer):
    try:
        return await said(reader, writer) == b""
    except ConnectionError:
        return True


async def test_a_cut_breaks_connections_old_and_new(wire):
    old = await wire.connect()
    await said(*old)
    wire.cut()
    assert await broken(*old)
    assert await broken(*await wire.connect())
    wire.mend()
    assert await said(*await wire.connect()) == b"hello\n"


async def test_what_was_held_passes_once_it_is_mended(wire):
    reader, writer = await wire.connect()
    wire.stall()
    with pytest.raises(TimeoutError):
        await said(reader, writer, seconds=0.1)
    wire.mend()
    assert await asyncio.wait_for(reader.readline(), 5) == b"hello\n"


async def test_slowed_it_still_passes_everything(wire):
    wire.slow()
    line = b"x" * 9_000 + b"\n"
    assert await said(*await wire.connect(), line) == line
