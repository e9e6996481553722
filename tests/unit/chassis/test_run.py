"""A service's application runs on a real socket and stops cleanly."""

import asyncio
import socket
from contextlib import asynccontextmanager
from types import SimpleNamespace

import httpx
import pytest
import uvicorn
from eventually import eventually
from fastapi import FastAPI
from parcel_api import parcel_settings

from bmt.chassis.http import app
from bmt.chassis.http.app import configuration
from bmt.chassis.runtime.settings import ServiceSettings
from evaluation.ports import HOST, any_free_port


async def test_calls_under_way_are_finished_before_the_service_stops():
    settings = parcel_settings()
    entered, stopped = asyncio.Event(), []

    @asynccontextmanager
    async def lifespan(_: FastAPI):
        yield
        stopped.append(settings.service)

    def build(_: ServiceSettings) -> FastAPI:
        asyncio.get_running_loop()  # raises where there is none
        app = FastAPI(lifespan=lifespan)

        @app.get("/slow")
        async def slow() -> str:
            entered.set()
            await eventually(lambda: server.should_exit)
            return "done"

        return app

    server = uvicorn.Server(configuration(build, settings))
    serving = asyncio.create_task(server._serve())
    await eventually(lambda: server.started)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as client:
        answering = asyncio.create_task(client.get("/slow"))
        await entered.wait()
        server.should_exit = True
        assert (await answering).json() == "done"
    await serving
    assert stopped == ["parcels"]
    assert "server" not in answering.result().headers


def opened(port: int | None, shared: int | None) -> list[socket.socket] | None:
    return app._sockets(SimpleNamespace(host=HOST, port=port, shared_port=shared))


def test_two_replicas_listen_on_one_port_and_each_on_its_own():
    shared = any_free_port()
    replicas = [opened(any_free_port(), shared) for _ in range(2)]
    try:
        assert all(len({each.getsockname()[1] for each in one}) == 2 for one in replicas)
        for _ in range(4):
            socket.create_connection((HOST, shared), timeout=5).close()
        for each in replicas[0]:
            each.close()
        socket.create_connection((HOST, shared), timeout=5).close()
    finally:
        for one in replicas:
            for each in one:
                each.close()


def test_without_a_shared_port_the_server_opens_its_own():
    assert opened(any_free_port(), None) is None


def test_a_port_that_is_taken_ends_the_process():
    own = any_free_port()
    with socket.create_server((HOST, own)), pytest.raises(SystemExit) as ended:
        opened(own, any_free_port())
    assert ended.value.code == 3
