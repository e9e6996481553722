"""A service's application runs on a real socket and stops cleanly."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import uvicorn
from eventually import eventually
from fastapi import FastAPI
from parcel_api import parcel_settings

from bmt.chassis.http.app import configuration
from bmt.chassis.runtime.settings import ServiceSettings


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
