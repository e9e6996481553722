"""Where a request stands, told from its events by the contract's words: the furthest step counts."""

from collections.abc import Sequence
from typing import Final

from bmt.contracts.progress import OUTCOMES
from prove.published import Said

_DECIDED: Final = {"Approved": "approved", "Rejected": "rejected", "Withdrawn": "withdrawn"}
_CONFIGURED: Final = {
    "ConfigurationStarted": "configuring",
    "AwaitingOperator": "awaiting_operator",
    "Configured": "configured",
    "ConfigurationFailed": "configuration_failed",
}


def standing(events: Sequence[Said]) -> str:
    """The status after `events`, each service's in its own order."""
    names = [each.name for each in events]
    if "Filed" in names:
        return "filed"
    if any(each.name == "Notified" and each.data.get("about") in OUTCOMES for each in events):
        return "notified"
    for table in (_CONFIGURED, _DECIDED):
        reached = [table[name] for name in names if name in table]
        if reached:
            return reached[-1]
    returned = names.count("ReturnedForCorrection")
    return "returned" if returned and returned >= asked_for(events) else "received"


def asked_for(events: Sequence[Said]) -> int:
    """How often it was received: the first time, and each correction that somebody asked for."""
    return sum(
        each.name == "RequestReceived" and not each.data.get("while_open") for each in events
    )
