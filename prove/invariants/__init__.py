"""The ten invariants of the failure matrix, checked from outside."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from prove.books import Books, Finding
from prove.invariants import acknowledged, delivery, outcomes, views

Check = Callable[[Books], Finding]

INVARIANTS: Final[Mapping[str, tuple[str, Check]]] = MappingProxyType(
    {
        "I1": (
            "what was acknowledged is stored, published and filed",
            acknowledged.check_acknowledged,
        ),
        "I2": ("versions and sequences are 1 to n, no gap", delivery.check_versions),
        "I3": (
            "what is stored is said, and each event is applied once",
            delivery.check_applied_once,
        ),
        "I4": ("in force is what was approved last, and never was more", outcomes.check_effects),
        "I5": ("at least one mail, one Message-ID; one outcome", outcomes.check_notified),
        "I6": (
            "one decision a request; who came second saw the first",
            acknowledged.check_one_decision,
        ),
        "I7": ("only legal transitions", outcomes.check_transitions),
        "I8": ("heard = applied + parked + dead; the dead are whole", delivery.check_accounted),
        "I9": ("views are what the events say", views.check_views),
        "I10": ("every open request has a reason and an age", views.check_open_requests),
    }
)
"""Each with its promise, in the words of the report."""
