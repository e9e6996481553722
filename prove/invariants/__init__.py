"""The ten invariants of the failure matrix, checked from outside: one module each."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from prove.books import Books
from prove.finding import Finding
from prove.invariants import (
    accounted,
    acknowledged,
    applied_once,
    effects,
    one_decision,
    open_requests,
    told,
    transitions,
    versions,
    views,
)

Check = Callable[[Books], Finding]

INVARIANTS: Final[Mapping[str, tuple[str, Check]]] = MappingProxyType(
    {
        "I1": ("what was acknowledged is stored, published and filed", acknowledged.check),
        "I2": ("versions and sequences are 1 to n, no gap", versions.check),
        "I3": ("what is stored is said, and each event is applied once", applied_once.check),
        "I4": ("in force is what was approved last, and never was more", effects.check),
        "I5": ("at least one mail, one Message-ID; one outcome", told.check),
        "I6": ("one decision a request; who came second saw the first", one_decision.check),
        "I7": ("only legal transitions", transitions.check),
        "I8": ("heard = applied + parked + dead; the dead are whole", accounted.check),
        "I9": ("views are what the events say", views.check),
        "I10": ("every open request has a reason and an age", open_requests.check),
    }
)
"""Each with its promise, in the words of the report."""
