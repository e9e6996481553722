"""A withdrawn request can still be approved."""

from dataclasses import replace

from bmt.contracts.events import Withdrawn
from services.approval import domain

SERVICE = "approval"
FOUND_BY = ("I6", "I7")


def plant() -> None:
    evolve = domain.DECIDER.evolve

    def forgetful(state, event):
        return state if isinstance(event, Withdrawn) else evolve(state, event)

    domain.DECIDER = replace(domain.DECIDER, evolve=forgetful)
