"""`python -m bench.launch SERVICE`: the service's own main, with stand-ins for what is not ours."""

import importlib
import sys

from bench import stand_ins
from bmt.chassis.http import app
from bmt.chassis.runtime import clock


def main() -> None:
    name = sys.argv[1]
    module = importlib.import_module(f"services.{name}.main")
    settings = importlib.import_module(f"services.{name}.settings").Settings
    if name == "provisioning":
        module._ipms = lambda _: {"scim": stand_ins.ipms(clock.now)}
        module._storage = lambda _: {"copyparty": stand_ins.storage(clock.now)}
    if name == "notification":
        module.SmtpPost = stand_ins.Post
    app.main(settings, module.build)


if __name__ == "__main__":
    main()
