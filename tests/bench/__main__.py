"""`python -m bench [NAME ...]`: run benches and print one table."""

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Final

import uvloop

from bench import machine, table
from bench.figures import Figure
from bench.options import Options
from bmt.chassis.http.app import collect_garbage_less_often
from bmt.chassis.runtime.observability import set_up_logs

NAMES = (
    "procedures",
    "evaluation",
    "intake",
    "consumer",
    "latency",
    "rebuild",
    "growth",
    "ledger",
    "search",
    "memory",
)
APART: Final = ("scale",)
"""Only where it is asked for by name."""


def main() -> None:
    arguments = _parser().parse_args()
    set_up_logs("bench", "error", sys.stderr)
    collect_garbage_less_often()  # as every service does
    options = Options(
        requests=arguments.requests,
        rounds=arguments.rounds,
        commits=arguments.commits,
        profile=arguments.profile,
    )
    figures: list[Figure] = []
    for name in arguments.names or NAMES:
        bench = importlib.import_module(f"bench.{name}")
        sys.stderr.write(f"{name} …\n")
        figures += uvloop.run(bench.run(options))
    facts = machine.facts()
    if arguments.json:
        arguments.json.write_text(json.dumps(table.document(facts, figures), indent=2) + "\n")
    sys.stdout.write(table.markdown(facts, figures))


def _parser() -> argparse.ArgumentParser:
    known = Options()
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(NAMES)} (none: these all), {', '.join(APART)}",
    )
    parser.add_argument("--requests", type=int, default=known.requests, help="of one round")
    parser.add_argument("--rounds", type=int, default=known.rounds, help="whose median is told")
    parser.add_argument("--commits", type=int, default=known.commits, help="of rebuild and growth")
    parser.add_argument("--profile", default="", metavar="SERVICE", help="procedures: look into it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round there too")
    return parser


if __name__ == "__main__":
    main()
