"""Notification: e-mails that are taken, put off and refused; a paper that is handed over; webhooks."""

import json
from collections.abc import Sequence

from crash_stories import of_all, offices
from eventually import eventually
from fixtures.mail_server import MailServer
from fixtures.procedure import configured, rejected
from fixtures.samples import received
from stage import PATIENCE, Stage
from stand_ins import Webhooks

from bmt.contracts import topics
from bmt.contracts.events import RequestFacts

TOLD = ("NotificationPrepared", "Notified")


def stories(mail: MailServer, webhooks: Webhooks):  # noqa: PLR0915  each story is one of the returned
    """They look at what the mail server and the webhooks took."""

    async def mails(stage: Stage) -> None:
        """Two are acknowledged and told of their outcomes."""
        granted, refused = stage.request(), stage.request()
        for request, outcome in ((granted, configured), (refused, rejected)):
            event_id = await stage.say(received(request))
            await stage.say(received(request), event_id=event_id)
            await stage.incoming(topics.NOTIFICATIONS, request.request_id, *TOLD)
            await stage.say(outcome(request))
        for request in (granted, refused):
            await stage.incoming(topics.NOTIFICATIONS, request.request_id, *TOLD, *TOLD)
            arrived(request, 2)

    async def put_off(stage: Stage) -> None:
        """The server takes it at the second attempt."""
        request = stage.request()
        mail.data_answers[request.applicant.email] = ["451 4.7.1 later"]
        await stage.say(received(request))
        await stage.incoming(topics.NOTIFICATIONS, request.request_id, *TOLD)
        arrived(request, 1)

    async def refused(stage: Stage) -> None:
        """The server knows no such address; asked by an operator it takes the same mail."""
        request = stage.request()
        # As often as it may be asked again because we died with its answer.
        mail.rcpt_answers[request.applicant.email] = ["550 5.1.1 unknown"] * 50
        await stage.say(received(request))
        failed = ("NotificationPrepared", "NotificationFailed")
        await stage.incoming(topics.NOTIFICATIONS, request.request_id, *failed)
        assert not mail.taken[request.applicant.email]

    async def paper(stage: Stage) -> None:
        """A letter is prepared, and handed over by an administrator."""
        request = stage.request(reply_through="letter")
        await stage.say(received(request))
        await stage.incoming(topics.NOTIFICATIONS, request.request_id, TOLD[0])
        listed = f"/v1/requests/{request.request_id}/notifications"
        items = await eventually(lambda: _listed(stage, listed), PATIENCE)
        path = f"/v1/notifications/{items[0]['notification_id']}/dispatch"
        done = await stage.call("POST", path, "administrator", "MAMPU", "siti", json={})
        assert done.status_code == 201, done.text
        await stage.incoming(topics.NOTIFICATIONS, request.request_id, *TOLD)

    async def parked(stage: Stage) -> None:
        """A defect in the handler: it is told once that is mended."""
        request = stage.request()
        await stage.stumble(request.request_id)
        await stage.say(received(request))
        await stage.parked(1, tries=2)
        await stage.stumble()
        await stage.incoming(topics.NOTIFICATIONS, request.request_id, *TOLD)

    def arrived(request: RequestFacts, notices: int) -> None:
        """I5: each at least once, and always as the same message."""
        taken = mail.taken[request.applicant.email]
        ids = [one["Message-ID"] for one in taken]
        assert len(set(ids)) == notices, ids
        contents: dict[str, set[bytes]] = {}
        for one, raw in zip(taken, mail.raw[request.applicant.email], strict=True):
            contents.setdefault(one["Message-ID"], set()).add(raw)
        assert all(len(each) == 1 for each in contents.values()), "one Message-ID, two messages"

    own = (mails, *_delivering(webhooks), *offices.stories(mail), put_off, refused, paper, parked)
    return (*own, of_all.poison, of_all.left_behind)


def _delivering(webhooks: Webhooks):
    async def delivered(stage: Stage) -> None:
        """A webhook gets each event, the same one again where we died before we knew; the first is put off once."""
        request = stage.request(agency="JPA")
        webhooks.answers[request.request_id] = [503]
        await stage.say(received(request))
        await stage.incoming(topics.NOTIFICATIONS, request.request_id, *TOLD)
        await eventually(lambda: webhooks.have_told(request.request_id, 3), PATIENCE)

    async def undeliverable(stage: Stage) -> None:
        """A webhook refuses an event; an operator gives it up."""
        request = stage.request(agency="JPA")
        webhooks.answers[request.request_id] = [410] * 500
        await stage.say(received(request))
        await stage.incoming(topics.NOTIFICATIONS, request.request_id, *TOLD)
        await eventually(lambda: webhooks.have_told(request.request_id, 3), PATIENCE)
        await eventually(lambda: _nothing_to_deliver(stage, request.request_id), PATIENCE)
        found = await stage.parked(3)
        events = {json.loads(one["value"])["id"] for one in found}
        assert events == webhooks.told[request.request_id].keys()
        for one in found:
            await stage.gives_up(one["_id"])

    return delivered, undeliverable


async def _nothing_to_deliver(stage: Stage, request_id: str) -> None:
    waiting = {"subject": request_id, "target": {"$regex": "^webhook"}}
    assert not await stage.database.work.count_documents(waiting)


async def _listed(stage: Stage, path: str) -> Sequence[dict[str, str]]:
    answer = await stage.call("GET", path, "administrator", "MAMPU", "siti")
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert items
    assert items[0]["document_id"]
    return items
