"""I1: what was acknowledged is stored, published and filed, as the client sent it.

I6: a request has one decision, and whoever came second was shown the first.
"""

import base64
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from prove.books import Books, Finding, Published, Tally, short
from prove.evidence import Call, Intention

_FACTS: Final = ("kind", "agency", "quota_bytes", "max_file_size_bytes")


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission as far as it can be compared; an e-mail is known by its text alone."""

    account: str = ""
    justification: str = ""
    reference: str = ""
    message: str = ""

    @classmethod
    def of_event(cls, data: Mapping[str, Any]) -> "Submission":
        applicant = (data.get("request") or {}).get("applicant") or {}
        return cls(
            account=str(applicant.get("account", "")).casefold(),
            justification=str(data.get("justification", "")),
            reference=str(data.get("source_reference") or ""),
        )

    def explains(self, received: "Submission") -> bool:
        """Whether this call can have led to that request."""
        if self.message:
            return received.account in self.message.casefold()
        if self.reference or received.reference:
            return self.reference == received.reference
        same = (received.account, received.justification)
        return (self.account, self.justification) == same


def submission_of(call: Call) -> Submission:
    """What the call asks for."""
    sent = call.sent if isinstance(call.sent, dict) else {}
    if "message" in sent:
        return Submission(message=str(sent["message"]))
    body = _record_body(sent) if "topic" in sent else sent
    return Submission(
        account=str((body.get("applicant") or {}).get("account", "")).casefold(),
        justification=str(body.get("justification", "")),
        reference=str(body.get("source_reference") or ""),
    )


def filled_alike(sent: Any, stored: Mapping[str, Any]) -> bool:
    """Whether what was sent is what was stored; fields left out may have any value."""
    if not isinstance(sent, dict) or "applicant" not in sent:
        return True
    request = stored.get("request") or {}
    facts = _FACTS if sent.get("kind") == "application" else _FACTS[:2]
    return (
        request.get("applicant") == sent["applicant"]
        and stored.get("justification") == sent.get("justification")
        and all(request.get(name) == sent[name] for name in facts if sent.get(name) is not None)
    )


def _record_body(sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """The data of a record in binary or structured mode."""
    try:
        body = json.loads(base64.b64decode(sent.get("value") or ""))
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    data = body.get("data", body)
    return data if isinstance(data, dict) else {}


# Every yes in the client log is a promise. One key is one intention: all its answers name the same thing, and two
# different bodies are never both accepted under it.


_EVENT_OF: Final = MappingProxyType(
    {"approve": "Approved", "reject": "Rejected", "return": "ReturnedForCorrection"}
)


def check_acknowledged(books: Books) -> Finding:
    """Every accepted call against what is stored, then every request against the calls."""
    tally = Tally()
    for intention in books.intentions:
        if intention.action not in _BROKER_TAKES_ALL:
            _one_meaning(intention, tally)
        promise = _PROMISES.get(intention.action)
        if promise is not None:
            for call in intention.accepted[-1:]:
                promise(books, intention, call, tally)
    _every_request_submitted(books, tally)
    return tally.finding()


def _one_meaning(intention: Intention, tally: Tally) -> None:
    named = intention.request_ids
    one = next(iter(named), None)
    if intention.accepted:
        tally.require(len(named) <= 1, f"key {intention.key} was answered with {len(named)}", one)
        tally.require(
            len(intention.bodies) <= 1, f"key {intention.key}: two bodies were accepted", one
        )


def _request(books: Books, _: Intention, call: Call, tally: Tally) -> None:
    """A submitted request, its sent fields word for word."""
    request_id = _named(call, "request_id")
    received = books.stored_of("intake", request_id, "RequestReceived")
    if not received:
        tally.require(False, "was acknowledged and is not stored", request_id)  # noqa: FBT003
        return
    alike = [each for each in received if filled_alike(call.sent, each.data)]
    tally.require(bool(alike), "was stored otherwise than it was sent", request_id)
    for each in alike[-1:]:
        _published_and_filed(books, request_id, each.id, tally)


def _email(books: Books, intention: Intention, call: Call, tally: Tally) -> None:
    """A request, or an item of the inbox."""
    if "request_id" in (call.answer or {}):
        _request(books, intention, call, tally)
        return
    item = _named(call, "inbox_item_id")
    stored = books.stored_of("intake", item, "InboxItemReceived")
    tally.require(bool(stored), f"inbox item {item} was acknowledged and is not stored", item)


def _event(books: Books, intention: Intention, _: Call, tally: Tally) -> None:
    """A submission that the broker acknowledged leads to exactly one request."""
    wanted = submission_of(intention.calls[0])
    found = books.by_reference.get(wanted.reference, ())
    request_id = next(iter(found), None)
    tally.require(
        len(found) == 1, f"event {intention.key} became {len(found)} requests", request_id
    )
    if request_id:
        received = books.stored_of("intake", request_id, "RequestReceived")
        _published_and_filed(books, request_id, received[0].id, tally)


def _decision(books: Books, intention: Intention, call: Call, tally: Tally) -> None:
    """The stored decision is the one that was answered."""
    request_id, answer = _named(call, "request_id"), call.answer or {}
    wanted = (_EVENT_OF.get(str(answer.get("decision"))), answer.get("version"), intention.by)
    found = [
        each
        for each in books.events_named(request_id, *_EVENT_OF.values())
        if wanted == (each.name, each.sequence, (each.data.get("decided_by") or {}).get("subject"))
    ]
    tally.require(len(found) == 1, "a decision that was answered is not in the log", request_id)
    granted = [_granted(call.sent, each.data) for each in found]
    tally.require(all(granted), "another size was approved than the officer said", request_id)


def _granted(sent: Mapping[str, Any], approved: Mapping[str, Any]) -> bool:
    granted = approved.get("approved") or {}
    sizes = ("quota_bytes", "max_file_size_bytes")
    return all(
        granted.get(size) == sent[size]
        for size in sizes
        if isinstance(sent, dict) and sent.get(size)
    )


def _withdrawal(books: Books, _: Intention, call: Call, tally: Tally) -> None:
    request_id = _named(call, "request_id") or call.request_id or ""
    found = books.events_named(request_id, "WithdrawalRequested")
    tally.require(bool(found), "a withdrawal that was answered is not in the log", request_id)


def _completion(books: Books, _: Intention, call: Call, tally: Tally) -> None:
    """The officer's documents are in the proof."""
    request_id = _named(call, "request_id") or call.request_id or ""
    stored = books.stored_of("provisioning", request_id, "TaskCompleted")
    sent = set((call.sent or {}).get("evidence", ()))
    evidence = [set(each.data.get("evidence", ())) for each in stored]
    tally.require(sent in evidence, "a completed task is not stored as it was answered", request_id)


def _dispatch(books: Books, intention: Intention, call: Call, tally: Tally) -> None:
    request_id = _named(call, "request_id") or call.request_id or ""
    by = [
        (each.data.get("handed_over_by") or {}).get("subject")
        for each in books.events_named(request_id, "Notified")
        if each.data.get("notification_id") == (call.answer or {}).get("notification_id")
    ]
    tally.require(by == [intention.by], "a paper handed over is not in the log once", request_id)


def _upload(books: Books, _: Intention, call: Call, tally: Tally) -> None:
    document = _named(call, "document_id")
    stored = document in books.evidence.documents
    tally.require(stored, f"document {document} was acknowledged and is not stored")


def _published_and_filed(books: Books, request_id: str, event_id: str, tally: Tally) -> None:
    tally.require(event_id in books.events, "was stored and is not published", request_id)
    answers = books.evidence.answers.get(request_id)
    record = (answers.record if answers else None) or {}
    filed = {each.get("id") for each in record.get("events", ())}
    tally.require(event_id in filed, "was published and its record lacks it", request_id)


def _every_request_submitted(books: Books, tally: Tally) -> None:
    """An answer names every request, or a call without an answer explains it."""
    named = {name for each in books.intentions for name in each.request_ids}
    lost = Counter(
        submission_of(each.calls[0])
        for each in books.intentions
        if each.action == "submit_event" or (each.action in _BEGINS and not each.settled)
    )
    for commit, event in books.stored():
        if commit.service != "intake" or short(event.type) != "RequestReceived":
            continue
        request_id = commit.stream.partition("-")[2]
        if request_id in named:
            continue
        named.add(request_id)
        wanted = Submission.of_event(event.data)
        explained = next((each for each in lost if lost[each] and each.explains(wanted)), None)
        if explained is not None:
            lost[explained] -= 1
        tally.require(explained is not None, "is there and no client asked for it", request_id)


def _named(call: Call, field: str) -> str:
    return str((call.answer or {}).get(field) or "") if isinstance(call.answer, dict) else ""


_BROKER_TAKES_ALL: Final = frozenset({"submit_event", "poison"})
"""A broker acknowledges anything; the consumer refuses."""

_BEGINS: Final = frozenset({"submit", "submit_email", "submit_event"})

_PROMISES: Final[Mapping[str, Callable[[Books, Intention, Call, Tally], None]]] = MappingProxyType(
    {
        "submit": _request,
        "correct": _request,
        "submit_email": _email,
        "submit_event": _event,
        "decide": _decision,
        "withdraw": _withdrawal,
        "complete_task": _completion,
        "dispatch": _dispatch,
        "upload": _upload,
    }
)


CHOICES: Final = {"Approved": "approve", "Rejected": "reject", "ReturnedForCorrection": "return"}
ENDS: Final = ("Approved", "Rejected", "Withdrawn")
TOO_LATE: Final = frozenset({"decide", "withdraw", "correct"})
CREATED: Final = 201
CONFLICT: Final = 409


def check_one_decision(books: Books) -> Finding:
    """Each request's published decisions, then each administrator's answers."""
    tally = Tally()
    for request_id in books.by_request:
        ends = [each.name for each in books.events_named(request_id, *ENDS)]
        tally.require(len(ends) <= 1, f"was decided {len(ends)} times: {ends}", request_id)
    winners: dict[tuple[str, int], list[Intention]] = defaultdict(list)
    for intention in books.intentions:
        if intention.action in TOO_LATE:
            for call in intention.answers:
                _shown_the_first(books, call, tally)
        if intention.action != "decide":
            continue
        for call in intention.answers:
            _answered_truthfully(books, intention, call, tally)
        for request_id, version in {_place(call) for call in intention.accepted}:
            winners[request_id, version].append(intention)
    for (request_id, version), all_won in winners.items():
        tally.require(
            len(all_won) == 1, f"{len(all_won)} officers decided version {version}", request_id
        )
    return tally.finding()


def _answered_truthfully(books: Books, intention: Intention, call: Call, tally: Tally) -> None:
    answer = call.answer if isinstance(call.answer, dict) else {}
    request_id = call.request_id or str(answer.get("request_id") or "")
    decisions = books.events_named(request_id, *CHOICES)
    if call.status == CREATED:
        mine = [each for each in decisions if _is_decision(each, answer)]
        by = (answer.get("decided_by") or {}).get("subject")
        tally.require(
            len(mine) == 1 and by == intention.by,
            "an officer was told of a decision that is not in the log",
            request_id,
        )
    elif call.status == CONFLICT and _problem(answer) == "request_closed":
        withdrawn = books.events_named(request_id, "Withdrawn")
        tally.require(bool(withdrawn), "409 request_closed without a withdrawal", request_id)


def _shown_the_first(books: Books, call: Call, tally: Tally) -> None:
    """Later administrators were shown the decision word for word."""
    answer = call.answer if isinstance(call.answer, dict) else {}
    if call.status != CONFLICT or _problem(answer) != "already_decided":
        return
    request_id, shown = call.request_id or "", answer.get("decision") or {}
    tally.require(
        any(_is_decision(each, shown) for each in books.events_named(request_id, *CHOICES)),
        f"409 showed a decision that is not in the log: {shown.get('decision')}",
        request_id,
    )


def _is_decision(event: Published, answer: dict[str, object]) -> bool:
    by = (event.data.get("decided_by") or {}).get("subject")
    shown = answer.get("decided_by")
    named = shown.get("subject") if isinstance(shown, dict) else None
    wanted = (answer.get("decision"), answer.get("version"), named)
    return wanted == (CHOICES[event.name], event.sequence, by)


def _problem(answer: dict[str, object]) -> str:
    return str(answer.get("type", "")).rpartition(":")[2]


def _place(call: Call) -> tuple[str, int]:
    answer = call.answer if isinstance(call.answer, dict) else {}
    return str(answer.get("request_id") or call.request_id), int(answer.get("version") or 0)
