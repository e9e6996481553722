"""Runs a service's application until it is told to stop."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import uvicorn
from fastapi import FastAPI

from bmt.chassis.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)


def serve(build: Callable[[S], FastAPI], settings: S) -> None:
    """Builds the application inside the event loop and serves it until SIGTERM or SIGINT.

    Calls under way are finished first. Logs must be set up before. Exits with 3 when the lifespan
    or the socket cannot be started.
    """
    with suppress(KeyboardInterrupt):
        uvicorn.Server(configuration(build, settings)).run()


def configuration(build: Callable[[S], FastAPI], settings: S) -> uvicorn.Config:
    """The server's configuration: the fast loop and parser, no log of its own."""
    return uvicorn.Config(
        partial(build, settings),
        factory=True,
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
