"""What the metrics say of where requests stand, and of what is still owed, against the raw material.

Gauges only: counters begin again with each process, and a run kills them.
"""

from collections import Counter

from prove.books import Books
from prove.finding import Tally
from prove.invariants.standing import standing

REQUESTS = "bmt_requests"
OWED = "bmt_outbox_pending"
LAG = "kafka_consumergroup_lag"


def check(books: Books, tally: Tally) -> None:
    """Nothing to look at where no metrics were gathered."""
    samples = books.evidence.samples
    shown = {
        (each.labels.get("agency", ""), each.labels.get("status", "")): int(each.value)
        for each in samples
        if each.name == REQUESTS and each.value
    }
    told = Counter(
        (str(events[0].request.get("agency")), standing(events))
        for events in books.by_request.values()
    )
    if samples:
        tally.require(shown == dict(told), f"metrics count {shown}, the events say {dict(told)}")
    owed = Counter(commit.service for commit in books.evidence.commits if commit.outbox)
    for each in samples:
        if each.name == OWED:
            right = int(each.value) == owed[each.service]
            tally.require(right, f"{each.service} tells of {each.value:g} commits that it owes")
        elif each.name == LAG:
            place = f"{each.labels.get('topic')}/{each.labels.get('partition')}"
            tally.require(not each.value, f"{each.service} is {each.value:g} behind on {place}")
