"""Runs a service's application until it is stopped."""

import gc
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

import structlog
import uvicorn
from fastapi import FastAPI

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.http.connections import Deadlines, patient_connections
from bmt.chassis.runtime.logs import set_up_logs
from bmt.chassis.runtime.settings import WRONG_CONFIGURATION, HttpSettings, ProcessSettings, load

S = TypeVar("S", bound=HttpSettings)

SHUTDOWN_SECONDS: Final = 10
"""How long running calls may take at a stop; Docker kills after ten seconds, Kubernetes after thirty."""
_MOST_FILES: Final = 65_536
_GARBAGE_AT_MOST: Final = 200_000
"""Objects kept alive by cycles; some tens of megabytes."""

log = structlog.get_logger(__name__)


def main(settings_class: type[S], build: Callable[[S], FastAPI]) -> None:
    """Run a service. It exits with 2 and one clear line if the configuration is wrong."""
    settings = load(settings_class)
    set_up_logs(settings.service, settings.log_level)
    warn_of_what_is_not_encrypted(settings)
    try:
        serve(build, settings)
    except WrongConfiguration as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(WRONG_CONFIGURATION)


def warn_of_what_is_not_encrypted(settings: ProcessSettings) -> None:
    """Log, at every start, each variable whose connection is not encrypted."""
    for variable in settings.not_encrypted():
        log.warning("not_encrypted", variable=variable)


def serve(build: Callable[[S], FastAPI], settings: S) -> None:
    """Build the application inside the event loop and serve it until SIGTERM or SIGINT.

    Running calls are finished first. Logs must be set up before. It exits with 3 if the lifespan or the socket
    cannot be started.
    """
    collect_garbage_less_often()
    open_as_many_files_as_allowed()
    with suppress(KeyboardInterrupt):
        uvicorn.Server(configuration(build, settings)).run()


def collect_garbage_less_often() -> None:
    """Imported objects stay; most others are freed by reference counting, without cycles.

    A wave of 500 events is some 50,000 objects. A collection during each would look through them all for nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_AT_MOST, 20, 100)


def open_as_many_files_as_allowed() -> None:
    """Each connection is a file, and the usual soft limit of 1,024 is too low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def configuration(
    build: Callable[[S], FastAPI], settings: S, deadlines: Deadlines | None = None
) -> uvicorn.Config:
    """The server's configuration: the fast loop and parser, no log of its own."""
    return uvicorn.Config(
        partial(build, settings),
        factory=True,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=patient_connections(deadlines or Deadlines()),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
