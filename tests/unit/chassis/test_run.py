"""A service's application runs on a real socket and stops cleanly."""

import asyncio
from contextlib import asynccontextmanager
from typing import ClassVar

import httpx
import pytest
import uvicorn
from eventually import eventually
from fastapi import FastAPI

from bmt.chassis.http.app import configuration
from bmt.chassis.runtime.settings import ServiceSettings
from evaluation.ports import any_free_port


class ParcelSettings(ServiceSettings):
    service: ClassVar[str] = "parcels"


@pytest.fixture
def settings() -> ParcelSettings:
    return ParcelSettings(
        port=any_free_port(),
        kafka_bootstrap_servers="127.0.0.1:1",
        mongodb_uri="mongodb://127.0.0.1:1",
        issuer="http://127.0.0.1:1",
        agencies_file="agencies.yaml",
    )


async def test_calls_under_way_are_finished_before_the_service_stops(settings):
    entered, stopped = asyncio.Event(), []

    @asynccontextmanager
    async def lifespan(_: FastAPI):
        yield
        stopped.append(settings.service)

    def build(_: ParcelSettings) -> FastAPI:
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
