"""Whole procedures a second with the evaluation's own parts: a real IPMS, transfer storage and mail server."""

from dataclasses import replace
from typing import Final

from bench.figures import Figure
from bench.options import Options
from bench.procedures import rounds
from bench.system import EVALUATION, running

NAME: Final = "evaluation"
MOST: Final = 300
"""Procedures in a round: an agency's morning, and volumes enough that a reload is felt."""


async def run(options: Options) -> list[Figure]:
    """Rounds of so many procedures on one system, after a short one to warm up."""
    options = replace(options, requests=min(options.requests, MOST))
    accounts = options.requests * (options.rounds + 1)
    async with running(EVALUATION, accounts=accounts, real=True) as bench:
        rates, spent = await rounds(bench, options)
    whole = [sum(used for name, used in each.items() if name != "client") for each in spent]
    costs = {"all": whole} | {name: [each[name] for each in spent] for name in spent[0]}
    return [
        Figure(NAME, "whole procedures, real IPMS and storage", "/s", rates, goal="≥ 40"),
        *(
            Figure(NAME, f"CPU of {name}", "s/1,000", used, higher_is_better=False)
            for name, used in costs.items()
        ),
    ]
