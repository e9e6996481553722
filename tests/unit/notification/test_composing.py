"""The e-mails of a wave: made as they are known to be due, stored together, and never in the way of others."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

import pytest
from fixtures.procedure import rejected
from folds import incoming
from notices import (
    COMPOSER,
    DOCUMENT,
    NOW,
    ON_PAPER,
    REQUEST,
    SENDER,
    due,
    notice,
    prepared,
)

from bmt.chassis.errors import StoreUnavailable
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.runtime.background import LruCache
from bmt.chassis.runtime.documents import CHUNK_BYTES, SmallDocument
from services.notification import channels
from services.notification.channels import Rendered
from services.notification.domain.correspondence import Acknowledge, Composed, Notify, ReportFailure
from services.notification.domain.correspondence_rules import DECIDER
from services.notification.domain.notice import OutgoingNotice
from services.notification.handlers import AT_HAND_BYTES, composing
from services.notification.wording.composer import Compose

RECEIPT, REJECTION = notice("acknowledgement"), notice("rejected")
THREAD = "<20261124091200.siti@mygovuc.gov.my>"
ACKNOWLEDGE = Acknowledge(REQUEST, RECEIPT, NOW, THREAD)
REJECT = Notify(REQUEST, REJECTION, NOW)


class Stores:
    """The streams, and the documents in the writes that they came by."""

    def __init__(self, fails: Exception | None = None, **streams: Sequence[Any]) -> None:
        self.fails = fails
        self.streams = streams
        self.writes: list[Sequence[SmallDocument]] = []
        self.at_hand: LruCache[str, bytes] = LruCache(10)

    async def known_states(self, streams: Any) -> Any:
        return {name: DECIDER.fold(list(self.streams.get(name, ()))) for name in streams}

    async def own_words(self, _kinds: Any) -> Any:
        raise StoreUnavailable

    async def put_small(self, documents: Sequence[SmallDocument]) -> None:
        if self.fails:
            raise self.fails
        self.writes.append(documents)

    async def composed(self, *commands: Any, render: Any = None) -> list[Any]:
        """What is added to each command; the stream of the n-th is `s<n>`."""
        renders = render or partial(channels.render_email, SENDER)
        complete: Any = composing(self, self, COMPOSER, self.own_words, renders, self.at_hand)
        messages = [Message(f"s{n}", f"c{n}", "", one) for n, one in enumerate(commands)]
        done = await complete(messages)
        assert [replace(one, command=None) for one in done] == [
            replace(one, command=None) for one in messages
        ]
        return [getattr(one.command, "composed", None) for one in done]


def rendering(content: Callable[[OutgoingNotice], bytes]) -> Any:
    async def render(outgoing: OutgoingNotice) -> Rendered:
        return Rendered(content(outgoing), "message/rfc822", "a.eml")

    return render


async def test_the_e_mails_of_a_wave_are_stored_in_one_write():
    stores = Stores(s1=(due(RECEIPT, THREAD), prepared(RECEIPT)))
    first, second = await stores.composed(ACKNOWLEDGE, REJECT)
    ((one, other),) = stores.writes
    assert first == (Composed(due(RECEIPT, THREAD), one.document_id),)
    assert second == (Composed(due(REJECTION, THREAD), other.document_id),)
    told = OutgoingNotice(REQUEST, REJECTION, THREAD, NOW)
    assert other.content == channels.message(told, SENDER)
    assert (other.media_type, other.filename.rpartition(".")[2]) == ("message/rfc822", "eml")


async def test_what_waited_for_the_receipt_is_stored_with_it():
    stores = Stores(s0=DECIDER.decide(REJECT, DECIDER.initial))
    (composed,) = await stores.composed(ACKNOWLEDGE)
    assert [one.due.notice for one in composed] == [RECEIPT, REJECTION]


async def test_nothing_is_stored_for_what_is_told_already_or_is_no_e_mail():
    stores = Stores(s0=(due(RECEIPT),), s1=(due(RECEIPT), due(REJECTION)))
    paper = Acknowledge(ON_PAPER, notice(channel="letter"), NOW)
    failure = ReportFailure(REQUEST, "ipms", retryable=True, failed_at=NOW)
    assert await stores.composed(ACKNOWLEDGE, REJECT, paper, failure) == [(), (), (), None]
    assert stores.writes == []


async def test_an_e_mail_that_cannot_be_made_is_left_to_a_worker_and_stops_no_other():
    def mail(outgoing: OutgoingNotice) -> bytes:
        if outgoing.request.reference == "wrong":
            raise ValueError("a header must not hold a linefeed")
        return b"mail"

    wrong = REQUEST.model_copy(update={"reference": "wrong"})
    commands = (Acknowledge(wrong, RECEIPT, NOW), ACKNOWLEDGE)
    first, second = await Stores().composed(*commands, render=rendering(mail))
    assert first == ()
    assert len(second) == 1


async def test_an_e_mail_of_more_than_a_chunk_is_left_to_a_worker():
    large = rendering(lambda _: b"m" * (CHUNK_BYTES + 1))
    assert await Stores().composed(ACKNOWLEDGE, render=large) == [()]


async def test_where_the_documents_cannot_be_reached_the_wave_comes_again():
    with pytest.raises(StoreUnavailable):
        await Stores(StoreUnavailable()).composed(ACKNOWLEDGE)


async def test_nothing_is_written_while_the_words_in_force_cannot_be_told():
    stores = Stores()
    with pytest.raises(StoreUnavailable):
        await stores.composed(Compose(incoming(rejected(REQUEST)), "rejected", None))
    assert stores.writes == []


async def test_where_storing_fails_otherwise_the_notices_are_due_all_the_same():
    assert await Stores(RuntimeError(DOCUMENT)).composed(ACKNOWLEDGE, REJECT) == [(), ()]


async def test_what_is_stored_is_at_hand_to_be_sent_unless_it_is_large():
    mail = rendering(lambda one: b"m" * (AT_HAND_BYTES + (one.notice.about == "rejected")))
    stores = Stores(s1=(due(RECEIPT, THREAD), prepared(RECEIPT)))
    await stores.composed(ACKNOWLEDGE, REJECT, render=mail)
    small, large = stores.writes[0]
    assert stores.at_hand.get(small.document_id) == small.content
    assert large.document_id not in stores.at_hand


async def test_nothing_is_at_hand_that_is_not_stored():
    stores = Stores(RuntimeError())
    await stores.composed(ACKNOWLEDGE, render=partial(channels.render_email, SENDER))
    document = await channels.render_email(SENDER, OutgoingNotice(REQUEST, RECEIPT, THREAD, NOW))
    assert f"sha256:{sha256(document.content).hexdigest()}" not in stores.at_hand
