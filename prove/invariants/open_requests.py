"""I10: every unfinished request has a reason, an age, and somebody whose turn it is."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from prove.books import Books
from prove.evidence import Answers, Work
from prove.finding import Finding, Tally
from prove.published import Said, standing

LONGEST_UNTAKEN: Final = timedelta(seconds=60)
"""Work that is due for longer and not taken is stuck: workers look every second."""


def check(books: Books) -> Finding:
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
        if standing(events) == "filed":
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
    events: Sequence[Said],
    answers: Answers,
    work: Sequence[Work],
) -> str:
    """Whose turn it is; empty: nobody's."""
    status = standing(events)
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
