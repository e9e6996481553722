"""Runs a service's application until it is told to stop."""

import gc
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import structlog
import uvicorn
from fastapi import FastAPI

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.head_limit import BoundedHead
from bmt.chassis.logs import set_up_logs
from bmt.chassis.settings import WRONG_CONFIGURATION, KafkaSettings, ServiceSettings, load

S = TypeVar("S", bound=ServiceSettings)

log = structlog.get_logger(__name__)


def main(settings_class: type[S], build: Callable[[S], FastAPI]) -> None:
    """A service's process: settings from the environment, logs, then serving.

    Exits with 2 and one clear line when something is configured wrongly.
    """
    settings = load(settings_class)
    set_up_logs(settings.service, settings.log_level)
    warn_of_what_is_not_encrypted(settings)
    try:
        serve(build, settings)
    except WrongConfiguration as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(WRONG_CONFIGURATION)


def warn_of_what_is_not_encrypted(settings: KafkaSettings) -> None:
    """Log, at every start, each variable by which this process talks in the open."""
    for variable in settings.not_encrypted():
        log.warning("not_encrypted", variable=variable)


def serve(build: Callable[[S], FastAPI], settings: S) -> None:
    """Builds the application inside the event loop and serves it until SIGTERM or SIGINT.

    Calls under way are finished first. Logs must be set up before. Exits with 3 when the lifespan
    or the socket cannot be started.
    """
    collect_garbage_less_often()
    with suppress(KeyboardInterrupt):
        uvicorn.Server(configuration(build, settings)).run()


def collect_garbage_less_often() -> None:
    """What was imported stays; what comes and goes is freed by its count, but for a few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def configuration(build: Callable[[S], FastAPI], settings: S) -> uvicorn.Config:
    """The server's configuration: the fast loop and parser, no log of its own."""
    return uvicorn.Config(
        partial(build, settings),
        factory=True,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=BoundedHead,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
