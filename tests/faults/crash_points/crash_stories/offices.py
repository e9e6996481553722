"""Notification's offices: reminded of the client charter, and saving words of their own."""

from datetime import UTC, datetime, timedelta

from eventually import eventually
from fixtures.mail_server import MailServer
from fixtures.procedure import rejected
from fixtures.samples import received
from stage import PATIENCE, Stage

from bmt.contracts import topics
from bmt.contracts.events import RequestFacts, ReviewOpened

OFFICE = "pejabat@kpm.gov.my"
ABOVE = "ketua@kpm.gov.my"
TOLD = ("NotificationPrepared", "Notified")


def stories(mail: MailServer):
    """They look at what the mail server took."""

    async def reminded(stage: Stage) -> None:
        """The office is reminded of a request, and who is above it told of another; then both are decided."""
        soon, late = stage.request(agency="KPM"), stage.request(agency="KPM")
        now = datetime.now(UTC)
        long_ago = now - timedelta(days=14)  # whatever day and hour it is, the reminder is due
        for request, due in ((soon, now + timedelta(hours=1)), (late, now - timedelta(hours=1))):
            await stage.say(received(request))
            await stage.say(ReviewOpened(request=request, due_at=due, warnings=()), at=long_ago)
        for request, address in ((soon, OFFICE), (late, ABOVE)):
            await eventually(lambda r=request, a=address: reminded_of(r, a), PATIENCE)
            await stage.incoming(topics.NOTIFICATIONS, request.request_id, *TOLD)
            await stage.say(rejected(request), sequence=2)
            await stage.incoming(topics.NOTIFICATIONS, request.request_id, *TOLD, *TOLD)

    def reminded_of(request: RequestFacts, address: str) -> None:
        """At least once, always as the same message, and not to the other address."""
        about = {
            to: [raw for raw in mail.raw[to] if request.request_id.encode() in raw]
            for to in (OFFICE, ABOVE)
        }
        assert len(set(about.pop(address))) == 1
        assert not any(about.values())

    async def worded(stage: Stage) -> None:
        """An administrator saves words of the agency's own, and puts the default back."""
        office = ("administrator", "KPM", "siti")
        before = await stage.call("GET", "/v1/templates/rejected", *office)
        assert before.status_code == 200, before.text
        told = before.json()
        saved = {"words": told["words"], "why": "Ujian", "version": told["version"]}
        done = await stage.call("PUT", "/v1/templates/rejected", *office, json=saved)
        assert done.status_code == 200, done.text
        back = {"why": "Ujian", "version": done.json()["version"]}
        done = await stage.call("POST", "/v1/templates/rejected/default", *office, json=back)
        assert done.status_code == 201, done.text

    return (reminded, worded)
