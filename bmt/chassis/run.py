"""Runs a service's application until it is told to stop."""

from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from bmt.chassis.settings import ServiceSettings


def serve(app: FastAPI, settings: ServiceSettings) -> None:
    """Serves until SIGTERM or SIGINT; calls under way are finished first.

    Logs must be set up before. Exits with 3 when the lifespan or the socket cannot be started.
    """
    with suppress(KeyboardInterrupt):
        uvicorn.Server(configuration(app, settings)).run()


def configuration(app: FastAPI, settings: ServiceSettings) -> uvicorn.Config:
    """The server's configuration: the fast loop and parser, no log of its own."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
