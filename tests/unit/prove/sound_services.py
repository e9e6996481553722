"""What services answer and measure in which nothing is wrong."""

from collections import Counter

from bmt.contracts import topics
from prove.books import Books, status_after
from prove.evidence import Answers, Sample
from prove.invariants import views


def samples_of(books: Books) -> tuple[Sample, ...]:
    """What sound services measure at rest."""
    standing_at = Counter(status_after(events) for events in books.by_request.values())
    counted = [
        Sample("intake", "bmt_requests", {"agency": "MAMPU", "status": status}, count)
        for status, count in standing_at.items()
    ]
    place = {"consumergroup": "bmt.records", "topic": topics.REQUESTS, "partition": "0"}
    lag = Sample("records", "kafka_consumergroup_lag", place, 0)
    return (*counted, lag, Sample("approval", "bmt_outbox_pending", {"service": "approval"}, 0))


def answers_of(books: Books, request_id: str) -> Answers:
    """What sound services answer."""
    events = books.by_request[request_id]
    review = [each for each in events if each.service == "approval"]
    steps = [{"step": views._step(each), "at": each.time} for each in events]
    last = review[-1] if review else None
    decided = last.data.get("decided_by") if last else None
    leaves, before = [], None
    for index, each in enumerate([e for e in events if e.name != "Filed"], start=1):
        leaf = {"id": each.id, "index": index, "previous": before, "hash": f"h{index}"}
        leaves.append(leaf | {"data": each.data, "topic": each.record.topic})
        before = f"h{index}"
    status = {"NotificationPrepared": "prepared", "Notified": "notified"}
    notices = {
        each.data["notification_id"]: {
            "notification_id": each.data["notification_id"],
            "channel": each.data["channel"],
            "status": status[each.name],
        }
        for each in events
        if each.name in status
    }
    return Answers(
        status={"status": status_after(events), "steps": steps},
        review={
            "status": views._REVIEW_OF[last.name],
            "decision": {"version": last.sequence, "decided_by": decided} if decided else None,
        }
        if last
        else None,
        record={"events": leaves, "state": {"status": status_after(events)}},
        notifications=tuple(notices.values()),
        on_worklist=bool(last) and last.name == "ReviewOpened",
    )
