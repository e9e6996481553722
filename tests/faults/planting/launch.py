"""A service with a bug in it: `python -m faults.planting.launch BUG services.approval.main`.

The bug is planted before the service's own module is read; nothing of the service knows of it.
"""

import runpy
import sys

from faults.planted import BUGS


def main() -> None:
    bug, module = sys.argv[1:3]
    sys.argv = [module]
    BUGS[bug].plant()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
