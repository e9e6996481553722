"""I6: a request has one decision, and whoever came second was shown the first."""

from collections import defaultdict
from typing import Final

from prove.books import Books
from prove.client_log import Call, Intention
from prove.finding import Finding, Tally
from prove.published import Said

CHOICES: Final = {"Approved": "approve", "Rejected": "reject", "ReturnedForCorrection": "return"}
ENDS: Final = ("Approved", "Rejected", "Withdrawn")
TOO_LATE: Final = frozenset({"decide", "withdraw", "correct"})
CREATED: Final = 201
CONFLICT: Final = 409


def check(books: Books) -> Finding:
    """Each request's published decisions, then each administrator's answers."""
    tally = Tally()
    for request_id in books.by_request:
        ends = [each.name for each in books.told(request_id, *ENDS)]
        tally.require(len(ends) <= 1, f"was decided {len(ends)} times: {ends}", request_id)
    winners: dict[tuple[str, int], list[Intention]] = defaultdict(list)
    for intention in books.intentions:
        if intention.action in TOO_LATE:
            for call in intention.answers:
                _shown_the_first(books, call, tally)
        if intention.action != "decide":
            continue
        for call in intention.answers:
            _told_the_truth(books, intention, call, tally)
        for request_id, version in {_place(call) for call in intention.accepted}:
            winners[request_id, version].append(intention)
    for (request_id, version), all_won in winners.items():
        tally.require(
            len(all_won) == 1, f"{len(all_won)} officers decided version {version}", request_id
        )
    return tally.finding()


def _told_the_truth(books: Books, intention: Intention, call: Call, tally: Tally) -> None:
    answer = call.answer if isinstance(call.answer, dict) else {}
    request_id = call.request_id or str(answer.get("request_id") or "")
    decisions = books.told(request_id, *CHOICES)
    if call.status == CREATED:
        mine = [each for each in decisions if _said_so(each, answer)]
        by = (answer.get("decided_by") or {}).get("subject")
        tally.require(
            len(mine) == 1 and by == intention.by,
            "an officer was told of a decision that is not in the log",
            request_id,
        )
    elif call.status == CONFLICT and _problem(answer) == "request_closed":
        withdrawn = books.told(request_id, "Withdrawn")
        tally.require(bool(withdrawn), "409 request_closed without a withdrawal", request_id)


def _shown_the_first(books: Books, call: Call, tally: Tally) -> None:
    """Later administrators were shown the decision word for word."""
    answer = call.answer if isinstance(call.answer, dict) else {}
    if call.status != CONFLICT or _problem(answer) != "already_decided":
        return
    request_id, shown = call.request_id or "", answer.get("decision") or {}
    tally.require(
        any(_said_so(each, shown) for each in books.told(request_id, *CHOICES)),
        f"409 showed a decision that is not in the log: {shown.get('decision')}",
        request_id,
    )


def _said_so(event: Said, answer: dict[str, object]) -> bool:
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
