"""A withdrawn request can still be approved."""

from dataclasses import replace

from bmt.contracts.events import Withdrawn
from services.approval import domain

SERVICE = "approval"
FOUND_BY = ("I6", "I7")


def plant() -> None:
    review = domain.DECIDERS["request"]

    def forgetful(state, event):
        return state if isinstance(event, Withdrawn) else review.evolve(state, event)

    domain.DECIDERS = {**domain.DECIDERS, "request": replace(review, evolve=forgetful)}
