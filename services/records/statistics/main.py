"""Runs the statistics until told to stop: the Faust worker, and Prometheus' view of it."""

import sys

import faust
from prometheus_client import start_http_server

import bmt.chassis.messaging.kafka_client  # noqa: F401  it tells aiokafka of closed connections
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime.logs import set_up_logs
from bmt.chassis.runtime.metrics import new_registry
from bmt.chassis.runtime.run import warn_of_what_is_not_encrypted
from bmt.chassis.runtime.settings import WRONG_CONFIGURATION, load
from services.records.statistics.app import statistics
from services.records.statistics.figures import Figures
from services.records.statistics.settings import Settings


def build(settings: Settings) -> faust.App:
    """The app; `/metrics` answers once all that was there at the start is counted."""
    figures = Figures()
    registry = new_registry()
    registry.register(figures)
    served: list[object] = []

    def serve() -> None:
        if not served:
            served.append(start_http_server(settings.metrics_port, settings.host, registry))

    return statistics(settings, figures, serve)


def main() -> None:
    """The process."""
    settings = load(Settings)
    set_up_logs(settings.service, settings.log_level)
    warn_of_what_is_not_encrypted(settings)
    worker = faust.Worker(
        build(settings), quiet=True, redirect_stdouts=False, override_logging=False
    )
    worker.spinner = None  # it would draw in the log
    try:
        worker.execute_from_commandline()
    except SystemExit:
        if isinstance(worker.crash_reason, WrongConfiguration):
            sys.stderr.write(f"{worker.crash_reason}\n")
            sys.exit(WRONG_CONFIGURATION)
        raise


if __name__ == "__main__":
    main()
