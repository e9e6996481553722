"""I9: the services' answers are what their events say, by the auditor's own fold.

This finds views that lost an update or applied one twice; a rebuilt view may not differ either.

I10: every unfinished request has a reason, an age, and somebody whose turn it is.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from prove.books import SUBSCRIBED, Books, Finding, Published, Tally, status_after
from prove.evidence import Answers, Work

_STEP_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "RequestReceived": "received",
        "ReviewOpened": "review_opened",
        "WithdrawalRequested": "withdrawal_requested",
        "ReturnedForCorrection": "returned",
        "Approved": "approved",
        "Rejected": "rejected",
        "Withdrawn": "withdrawn",
        "ConfigurationStarted": "configuring",
        "AwaitingOperator": "awaiting_operator",
        "ConfigurationFailed": "configuration_failed",
        "Configured": "configured",
        "NotificationPrepared": "notification_prepared",
        "NotificationFailed": "notification_failed",
        "Filed": "filed",
    }
)

_REVIEW_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ReviewOpened": "received",
        "Approved": "approved",
        "Rejected": "rejected",
        "ReturnedForCorrection": "returned",
        "Withdrawn": "withdrawn",
    }
)


def check_views(books: Books) -> Finding:
    """Every service's answers about every request, and the metrics."""
    tally = Tally()
    for request_id, events in books.by_request.items():
        answers = books.evidence.answers.get(request_id)
        if answers is None:
            tally.require(False, "nobody was asked about it", request_id)  # noqa: FBT003
            continue
        _status(request_id, events, answers, tally)
        _review(request_id, events, answers, tally)
        _record(request_id, events, answers, tally)
        _notifications(request_id, events, answers, tally)
    _check_metrics(books, tally)
    return tally.finding()


def _status(request_id: str, events: Sequence[Published], answers: Answers, tally: Tally) -> None:
    shown = answers.status or {}
    wanted = status_after(events)
    tally.require(
        shown.get("status") == wanted,
        f"intake says {shown.get('status')}, its events say {wanted}",
        request_id,
    )
    steps = Counter(str(each.get("step")) for each in shown.get("steps", ()))
    due = Counter(_step(each) for each in events)
    missing, more = dict(due - steps), dict(steps - due)
    tally.require(
        not missing and not more, f"intake's steps lack {missing}, have also {more}", request_id
    )


def _step(event: Published) -> str:
    if event.name == "Notified":
        return "acknowledged" if event.data.get("about") == "acknowledgement" else "notified"
    return _STEP_OF.get(event.name, event.name)


def _review(request_id: str, events: Sequence[Published], answers: Answers, tally: Tally) -> None:
    mine = [each for each in events if each.service == "approval"]
    if not mine:
        return
    last, shown = mine[-1], answers.review or {}
    wanted = _REVIEW_OF.get(last.name)
    tally.require(
        shown.get("status") == wanted,
        f"approval says {shown.get('status')}, its events say {wanted}",
        request_id,
    )
    tally.require(
        answers.on_worklist == (last.name == "ReviewOpened"),
        f"the worklist {'has' if answers.on_worklist else 'lacks'} it after {last.name}",
        request_id,
    )
    if "decided_by" in last.data:
        decision = shown.get("decision") or {}
        by = (decision.get("decided_by") or {}).get("subject")
        right = (last.sequence, (last.data["decided_by"] or {}).get("subject"))
        tally.require(
            (decision.get("version"), by) == right, "approval shows another decision", request_id
        )


def _record(request_id: str, events: Sequence[Published], answers: Answers, tally: Tally) -> None:
    record = answers.record or {}
    leaves = record.get("events", ())
    filed: dict[str, Mapping[str, Any]] = {str(leaf.get("id")): leaf for leaf in leaves}
    tally.require(len(filed) == len(leaves), "the record holds an event twice", request_id)
    for each in events:
        if each.name not in SUBSCRIBED["records"]:
            continue
        leaf = filed.get(each.id)
        tally.require(leaf is not None, f"the record lacks {each.name} {each.id}", request_id)
        if leaf is not None:
            same = leaf.get("data") == each.data and leaf.get("topic") == each.record.topic
            tally.require(same, f"the record tells {each.name} otherwise", request_id)
    tally.require(_is_chain(leaves), "the record's leaves are no chain", request_id)
    state = (record.get("state") or {}).get("status")
    wanted = status_after(events)
    tally.require(state == wanted, f"the record says {state}, its events {wanted}", request_id)


def _is_chain(leaves: Sequence[Mapping[str, Any]]) -> bool:
    """Indexes without a gap, each leaf bound to the one before."""
    previous = None
    for index, leaf in enumerate(leaves, start=1):
        if leaf.get("index") != index or leaf.get("previous") != previous:
            return False
        previous = leaf.get("hash")
    return True


_PUBLISHED = {"superseded": "prepared"}


def _notifications(
    request_id: str, events: Sequence[Published], answers: Answers, tally: Tally
) -> None:
    """Each notice has its last status; one that is only due is not listed yet."""
    last: dict[str, str] = {}
    status = {
        "NotificationPrepared": "prepared",
        "Notified": "notified",
        "NotificationFailed": "failed",
    }
    for each in events:
        if each.name in status:
            last[str(each.data.get("notification_id"))] = status[each.name]
    # That a paper is superseded is notification's own matter: its events leave it prepared.
    shown = {
        str(each.get("notification_id")): _PUBLISHED.get(
            str(each.get("status")), each.get("status")
        )
        for each in answers.notifications or ()
        if each.get("status") != "due"
    }
    tally.require(shown == last, f"notification shows {shown}, its events say {last}", request_id)


REQUESTS = "bmt_requests"
OWED = "bmt_outbox_pending"
LAG = "kafka_consumergroup_lag"


def _check_metrics(books: Books, tally: Tally) -> None:
    """Checks nothing if no metrics were gathered."""
    samples = books.evidence.samples
    shown = {
        (each.labels.get("agency", ""), each.labels.get("status", "")): int(each.value)
        for each in samples
        if each.name == REQUESTS and each.value
    }
    due = Counter(
        (str(events[0].request.get("agency")), status_after(events))
        for events in books.by_request.values()
    )
    if samples:
        tally.require(shown == dict(due), f"metrics count {shown}, the events say {dict(due)}")
    owed = Counter(commit.service for commit in books.evidence.commits if commit.outbox)
    for each in samples:
        if each.name == OWED:
            right = int(each.value) == owed[each.service]
            tally.require(right, f"{each.service} tells of {each.value:g} commits that it owes")
        elif each.name == LAG:
            place = f"{each.labels.get('topic')}/{each.labels.get('partition')}"
            tally.require(not each.value, f"{each.service} is {each.value:g} behind on {place}")


LONGEST_UNTAKEN: Final = timedelta(seconds=60)
"""Work that is due for longer and not taken is stuck: workers look every second."""


def check_open_requests(books: Books) -> Finding:
    """Every request that is not filed, and every work item."""
    tally = Tally()
    work: dict[str, list[Work]] = defaultdict(list)
    for item in books.evidence.work:
        work[item.request_id].append(item)
        late = books.evidence.gathered_at - item.due_at
        tally.require(
            late <= LONGEST_UNTAKEN,
            f"{item.service}: {item.id} is due for {late} and nobody takes it",
            item.request_id,
        )
    for request_id in books.request_ids:
        events = books.by_request.get(request_id, ())
        if status_after(events) == "filed":
            tally.require(True, "", request_id)  # noqa: FBT003
            continue
        answers = books.evidence.answers.get(request_id, Answers())
        reason = _reason(books, request_id, events, answers, work.get(request_id, ()))
        status = (answers.status or {}).get("status")
        tally.require(bool(reason), f"is {status}, and nobody's turn", request_id)
        dated = all(step.get("at") for step in (answers.status or {}).get("steps", ({},)))
        tally.require(dated, f"is {status}, and nobody knows since when", request_id)
    return tally.finding()


def _reason(
    books: Books,
    request_id: str,
    events: Sequence[Published],
    answers: Answers,
    work: Sequence[Work],
) -> str:
    """Whose turn it is; empty: nobody's."""
    status = status_after(events)
    if answers.on_worklist:
        return "an administrator decides"
    if status == "returned":
        return "the applicant corrects it"
    if work:
        return f"{work[0].service}: {work[0].waiting_for or 'it is under way'}"
    if request_id in books.evidence.tasks:
        return "an officer does a task"
    if status == "configuration_failed":
        return books.evidence.unfinished.get(request_id, "")
    return _paper(answers)


def _paper(answers: Answers) -> str:
    """A paper that was not handed over, or a message that was refused, waits for a person."""
    for notice in answers.notifications or ():
        if notice.get("status") == "prepared" and notice.get("channel") != "email":
            return "a paper is handed over"
        if notice.get("status") == "failed":
            return "somebody mends an address"
    return ""
