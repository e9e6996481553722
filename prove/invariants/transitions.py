"""I7: requests take only the steps that the procedure allows, in every service and across them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from prove.books import Books
from prove.finding import Finding, Tally
from prove.published import Said, asked_for

Steps = Mapping[str, frozenset[str]]

_FIRST: Final = ""
REVIEW: Final[Steps] = MappingProxyType(
    {
        _FIRST: frozenset({"ReviewOpened"}),
        "ReviewOpened": frozenset(
            {"ReviewOpened", "Approved", "Rejected", "ReturnedForCorrection", "Withdrawn"}
        ),
        "ReturnedForCorrection": frozenset({"ReviewOpened", "Withdrawn"}),
    }
)
CONFIGURATION: Final[Steps] = MappingProxyType(
    {
        _FIRST: frozenset({"ConfigurationStarted", "ConfigurationFailed"}),
        "ConfigurationStarted": frozenset(
            {"AwaitingOperator", "Configured", "ConfigurationFailed"}
        ),
        "AwaitingOperator": frozenset({"Configured", "ConfigurationFailed"}),
        "ConfigurationFailed": frozenset({"ConfigurationStarted", "ConfigurationFailed"}),
    }
)
NOTICE: Final[Steps] = MappingProxyType(
    {
        _FIRST: frozenset({"NotificationPrepared"}),
        "NotificationPrepared": frozenset({"Notified", "NotificationFailed"}),
        "NotificationFailed": frozenset({"Notified", "NotificationFailed"}),
    }
)
REQUEST: Final[Steps] = MappingProxyType(
    {
        _FIRST: frozenset({"RequestReceived"}),
        "RequestReceived": frozenset({"RequestReceived", "WithdrawalRequested"}),
    }
)
FILE: Final[Steps] = MappingProxyType({_FIRST: frozenset({"Filed"})})
"""The allowed next steps, by service; a name without any ends it."""

_OF_SERVICE: Final = MappingProxyType(
    {"intake": REQUEST, "approval": REVIEW, "provisioning": CONFIGURATION, "records": FILE}
)

_OUTCOME_OF: Final = MappingProxyType(
    {
        "rejected": "Rejected",
        "withdrawn": "Withdrawn",
        "configured": "Configured",
        "terminated": "Configured",
        "returned": "ReturnedForCorrection",
        "acknowledgement": "RequestReceived",
    }
)
"""What must have happened before a notice about it."""


def check(books: Books) -> Finding:
    """Each service's own steps, then those that another service's events allow."""
    tally = Tally()
    for request_id, events in books.by_request.items():
        for service, steps in _OF_SERVICE.items():
            _walk([each for each in events if each.service == service], steps, tally)
        _notices([each for each in events if each.service == "notification"], tally)
        _across(request_id, events, tally)
    return tally.finding()


def _walk(events: Sequence[Said], steps: Steps, tally: Tally) -> None:
    before = _FIRST
    for each in events:
        allowed = steps.get(before, frozenset())
        what = f"{each.service}: {each.name} after {before or 'nothing'}"
        tally.require(each.name in allowed, what, each.request_id)
        before = each.name


def _notices(events: Sequence[Said], tally: Tally) -> None:
    of_notice: dict[str, list[Said]] = {}
    for each in events:
        of_notice.setdefault(str(each.data.get("notification_id")), []).append(each)
    for each_notice in of_notice.values():
        _walk(each_notice, NOTICE, tally)


def _across(request_id: str, events: Sequence[Said], tally: Tally) -> None:
    names = [each.name for each in events]
    kinds = {each.request.get("kind") for each in events}
    tally.require(len(kinds) == 1, f"is of two kinds: {kinds}", request_id)
    for needed, of in (
        ("Approved", ("ConfigurationStarted", "Configured")),
        ("WithdrawalRequested", ("Withdrawn",)),
        ("RequestReceived", ("ReviewOpened", "NotificationPrepared", "Filed")),
    ):
        begun = any(name in names for name in of)
        tally.require(needed in names or not begun, f"{of} without {needed}", request_id)
    returned = names.count("ReturnedForCorrection")
    received = asked_for(events)
    tally.require(
        received <= returned + 1, f"received {received} times, returned {returned}", request_id
    )
    for each in events:
        if each.service == "notification":
            about = str(each.data.get("about"))
            wanted = _OUTCOME_OF.get(about)
            tally.require(wanted in names, f"{each.name} about {about} without it", request_id)
        by = (each.data.get("decided_by") or {}).get("subject")
        if by is not None:
            tally.require(by.casefold() != each.account, "was decided by its applicant", request_id)
