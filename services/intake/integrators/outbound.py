"""Where an answer goes: to the outbound topic of the integrator whose submission it is about."""

from bmt.chassis.eventsourcing.event_store import Commit, EventRecord
from bmt.chassis.messaging.relay import Address, AddressOf
from bmt.contracts import topics
from services.intake.domain.events import SubmissionAnswered


def address_of(topic_prefix: str) -> AddressOf:
    """Tells the address of an answer from the `SubmissionAnswered` beside it in its commit."""

    def address(commit: Commit, event: EventRecord) -> Address:
        (answered,) = [one.data for one in commit.events if one.type == SubmissionAnswered.TYPE]
        return Address(
            topic=topic_prefix + topics.outbound(answered["integrator"]),
            key=event.data["submission_id"],
            sequence=answered["number"],
        )

    return address
