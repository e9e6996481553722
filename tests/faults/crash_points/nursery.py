"""A process that has imported every service, and becomes one of them in a fork of itself.

Imports are nine tenths of a service's start, and a visit of a crash point needs two starts. Each line
of standard input is an order: which service, its environment, its log, where its control is.
"""

import gc
import importlib
import json
import os
import signal
import sys
import traceback
from typing import Any

import mortality

SERVICES = ("intake", "approval", "provisioning", "notification", "records")


def main() -> None:
    """Fork for each order until there are no more."""
    mains = {name: importlib.import_module(f"services.{name}.main") for name in SERVICES}
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        order = json.loads(line)
        if os.fork() == 0:
            _become(order, mains)


def _become(order: dict[str, Any], mains: dict[str, Any]) -> None:
    """This process is a service from here on; it never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(order["environment"])
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    code: Any = 1
    try:
        mortality.begin(order)
        if order["service"] == "operator":
            mortality.discard(order)
        else:
            service = mains[order["service"]]
            service.app.main(service.Settings, service.build)
        code = 0
    except SystemExit as left:
        code = left.code
    except BaseException:  # noqa: BLE001  it is said in the log, and the process ends
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
