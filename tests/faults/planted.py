"""Bugs that are planted in a service, each with the invariants that find it."""

import asyncio
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from faults.planting.worst_moment import die_once

from bmt.chassis.eventsourcing import event_store, execution
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.eventsourcing.event_store import Appended, MongoEventStore
from bmt.chassis.http import routes
from bmt.chassis.messaging.consumer import Consumer, _last
from bmt.chassis.messaging.dead_letters import DeadLetters
from bmt.chassis.messaging.dispatch import Dispatcher, RecordReader
from bmt.chassis.messaging.relay import Relay
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime.mongodb import IndexModel
from bmt.chassis.work import Remove, Worker
from bmt.contracts.events import EffectiveIpms, Withdrawn
from services.approval import domain
from services.notification.smtp import SmtpPost
from services.provisioning.connectors.connector import Reading
from services.provisioning.connectors.copyparty import Copyparty
from services.provisioning.connectors.scim import Scim

LATER_SECONDS = 0.3


@dataclass(frozen=True)
class Bug:
    """`plant` makes every later call of the process meet it."""

    service: str
    found_by: tuple[str, ...]
    plant: Callable[[], None]


BUGS: dict[str, Bug] = {}


def bug(service: str, *found_by: str) -> Callable[[Callable[[], None]], None]:
    def listed(plant: Callable[[], None]) -> None:
        BUGS[plant.__name__] = Bug(service, found_by, plant)

    return listed


@bug("intake", "I1")
def answered_before_write():
    """A request is answered before it is written; then the process dies."""
    append, appended = MongoEventStore.append, []

    async def careless(self, commits):
        appended.extend(commits)
        if len(appended) != len(commits):
            return await append(self, commits)
        asyncio.get_running_loop().call_later(LATER_SECONDS, die_once)
        return [Appended(commit) for commit in commits]

    MongoEventStore.append = careless


@bug("provisioning", "I4")
def configured_before_approval():
    """IPMS is set as soon as a request stands on the worklist: if it is rejected, nobody takes it away."""
    begin, handle, scim = Scim.__init__, Dispatcher.handle, []

    def remembered(self, *ports):
        begin(self, *ports)
        scim.append(self)

    async def eager(self, records):
        for record in records:
            incoming = self._read(record).incoming
            if incoming is not None and type(incoming.data).__name__ == "ReviewOpened":
                request = incoming.data.request
                if request.kind == "application" and scim:
                    wanted = EffectiveIpms(
                        bmt_enabled=True, max_file_size_bytes=request.max_file_size_bytes
                    )
                    await scim[0].apply({request.applicant.account: wanted})
        await handle(self, records)

    Scim.__init__, Dispatcher.handle = remembered, eager


@bug("intake", "I8")
def dead_letter_without_value():
    """A refused record is buried without what was in it."""
    letter = DeadLetters._letter
    DeadLetters._letter = lambda self, *refused: replace(letter(self, *refused), value=b"")


@bug("notification", "I10")
def done_before_effect():
    """A worker marks its work as done, and then does it; in between the process dies."""
    work = Worker._work

    async def hasty(self, items):
        await self._queue.change([Remove(item.id) for item in items])
        if self.target == "smtp":
            await asyncio.sleep(1)  # what promised the work is said by then
            die_once()
        await work(self, items)

    Worker._work = hasty


@bug("records", "I8", "I9")
def event_not_filed():
    """The record passes over one kind of event."""
    message = Dispatcher._message

    async def choosy(self, one):
        if one.incoming is not None and type(one.incoming.data).__name__ == "ReviewOpened":
            return None
        return await message(self, one)

    Dispatcher._message = choosy


@bug("intake", "I1")
def fingerprint_unchecked():
    """The same Idempotency-Key with another body gets the first answer, as if it had been asked."""
    assert callable(execution._replayed)
    execution._replayed = lambda _, commit: execution.Executed(commit, replayed=True)


@bug("approval", "I3", "I8")
def inbox_dropped():
    """What an event leads to is not kept under the event's id, and every batch comes twice: all is applied twice."""
    to_command, handle = IncomingEvent.to_command, Dispatcher.handle

    def forgotten(self, stream, command):
        return replace(to_command(self, stream, command), causation=str(uuid.uuid4()))

    async def twice(self, records):
        await handle(self, records)
        await handle(self, records)

    IncomingEvent.to_command, Dispatcher.handle = forgotten, twice


@bug("notification", "I5")
def mailed_again_under_another_id():
    """A message is sent twice, the second time under a Message-ID of its own."""
    send = SmtpPost.send

    async def twice(self, message, recipient, **more):
        await send(self, message, recipient, **more)
        new = f"Message-ID: <{uuid.uuid4()}@mygovuc.gov.my>".encode()
        again = re.sub(rb"(?im)^message-id: <[^>]*>", new, message, count=1)
        await send(self, again, recipient, **more)

    SmtpPost.send = twice


@bug("provisioning", "I4")
def more_than_approved_for_a_moment():
    """IPMS is first set to twice the largest file, then to what was approved: in the end all looks well."""
    apply = Scim.apply

    async def too_much_first(self, desired):
        await apply(
            self, {one: _twice(goal, "max_file_size_bytes") for one, goal in desired.items()}
        )
        return await apply(self, desired)

    Scim.apply = too_much_first


@bug("provisioning", "I3")
def new_id_when_published():
    """An event gets its id when it is published, not when it is stored: said again, it is another event."""
    records = Relay._records

    def renamed(self, commit):
        return [replace(record, headers=_another_id(record)) for record in records(self, commit)]

    Relay._records = renamed


def _another_id(record):
    others = [(name, value) for name, value in record.headers if name != "ce_id"]
    return [*others, ("ce_id", str(uuid.uuid4()).encode())]


@bug("approval", "I8", "I10")
def offset_before_write():
    """The offset is committed before what the records led to is written; then the process dies."""
    handle = Consumer._handle

    async def too_early(self, client, polled):
        await self._positions.save_consumed({place: _last(raws) for place, raws in polled.items()})
        await self._commit(client, {place: raws[-1].offset + 1 for place, raws in polled.items()})
        die_once()
        await handle(self, client, polled)

    Consumer._handle = too_early


@bug("provisioning", "I4")
def other_quota_than_approved():
    """Twice the quota is set, and what was approved is read back."""
    _reads_back_what_was_meant(lambda goal, _: _twice(goal, "quota_bytes"))


@bug("provisioning", "I4")
def quota_added():
    """The quota is added to what there is (`+=`), and what was meant is read back."""

    def more(goal, before):
        there = before.effective.quota_bytes if isinstance(before, Reading) else None
        total = (there or 0) + goal.quota_bytes if goal.quota_bytes else None
        return goal.model_copy(update={"quota_bytes": total})

    _reads_back_what_was_meant(more)


def _twice(goal, size):
    return goal.model_copy(update={size: getattr(goal, size) and 2 * getattr(goal, size)})


def _reads_back_what_was_meant(other) -> None:
    """The storage is given something else than is told."""
    apply, read_back, meant = Copyparty.apply, Copyparty.read_back, {}

    async def applied(self, desired):
        before = await read_back(self, list(desired))
        meant.update(desired)
        return await apply(self, {one: other(goal, before[one]) for one, goal in desired.items()})

    async def hoped(self, accounts):
        readings = await read_back(self, accounts)
        return {
            one: Reading(meant[one], reading.read_back_at)
            if one in meant and isinstance(reading, Reading)
            else reading
            for one, reading in readings.items()
        }

    Copyparty.apply, Copyparty.read_back = applied, hoped


@bug("intake", "I8")
def parse_error_swallowed():
    """A record that cannot be parsed is passed over in silence."""
    read = RecordReader.read

    def silent(self, record):
        one = read(self, record)
        one.dead = None
        return one

    RecordReader.read = silent


@bug("intake", "I1")
def second_request_on_retry():
    """The Idempotency-Key is looked at and forgotten: a POST that is tried again is another request."""
    assert callable(routes.causation_of)
    routes.causation_of = lambda _, __: f"cmd:{uuid.uuid4()}"


@bug("approval", "I3", "I10")
def unset_before_publish():
    """The outbox mark is unset before the broker acknowledged; then the process dies."""
    publish = Relay._publish_and_unset

    async def backwards(self, commits):
        await self._store.delivered([commit.id for commit in commits])
        die_once()
        await publish(self, commits)

    Relay._publish_and_unset = backwards


@bug("approval", "I2", "I6")
def version_unchecked():
    """Nothing keeps two decisions from one version of a stream: both administrators win."""
    load = MongoEventStore.load
    assert event_store._BY_STREAM.document["unique"]
    event_store._BY_STREAM = IndexModel([("stream", 1), ("version", 1)], name="stream")

    async def slow(self, streams):
        loaded = await load(self, streams)
        await asyncio.sleep(0.1)  # time itself is the bug: the other decides meanwhile
        return loaded

    MongoEventStore.load = slow


@bug("intake", "I9")
def view_update_lost():
    """A view never takes in one kind of event."""
    apply = ViewProjection.apply

    async def forgetful(self, incoming):
        await apply(self, [each for each in incoming if type(each.data).__name__ != "Configured"])

    ViewProjection.apply = forgetful


@bug("approval", "I6", "I7")
def withdrawal_ignored():
    """A withdrawn request can still be approved."""
    review = domain.DECIDERS["request"]

    def forgetful(state, event):
        return state if isinstance(event, Withdrawn) else review.evolve(state, event)

    domain.DECIDERS = {**domain.DECIDERS, "request": replace(review, evolve=forgetful)}
