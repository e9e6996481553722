"""Provisioning: in force and out of force again, by hand, refused, and while a target is away."""

from crash_stories import of_all
from eventually import eventually
from fixtures.procedure import approved, opened
from stage import PATIENCE, Stage
from stand_ins import Ipms, Storage

from bmt.chassis.runtime import clock
from bmt.contracts import topics
from bmt.contracts.events import Granted, RequestFacts

SIZE = 2_000_000
IN_FORCE = ("ConfigurationStarted", "Configured")
BY_HAND = ("ConfigurationStarted", "AwaitingOperator", "Configured")
REFUSED = ("ConfigurationStarted", "ConfigurationFailed")


def stories(ipms: Ipms, storage: Storage):  # noqa: PLR0915  each story is one of the returned
    """They look at what the targets were brought to."""

    async def configured(stage: Stage) -> None:
        """One is granted, one is granted and taken away again."""
        stays, goes = stage.request(), stage.request()
        await approve(stage, stays)
        await approve(stage, goes)
        await stage.incoming(topics.CONFIGURATIONS, goes.request_id, *IN_FORCE)
        ended = stage.request(kind="termination", applicant=goes.applicant)
        await approve(stage, ended)
        await stage.incoming(topics.CONFIGURATIONS, ended.request_id, *IN_FORCE)
        await stage.incoming(topics.CONFIGURATIONS, stays.request_id, *IN_FORCE)
        shows(stays, on=True)
        shows(goes, on=False)

    async def by_hand(stage: Stage) -> None:
        """An officer of JPA claims the task of setting IPMS, and a colleague does it."""
        request = stage.request(agency="JPA")
        await approve(stage, request)
        said = await stage.incoming(topics.CONFIGURATIONS, request.request_id, *BY_HAND[:2])
        assert said
        officer = ("administrator", "JPA", "hassan")
        task = await eventually(lambda: _task(stage, request, officer), PATIENCE)
        claimed = await stage.call("POST", f"/v1/tasks/{task}/claim", *officer)
        assert claimed.is_success, claimed.text
        colleague = ("administrator", "JPA", "zainab")
        evidence = await stage.archive.uploaded(b"a picture of the portal", "zainab", "JPA")
        ill = {"claimed_by": "hassan", "reason": "Cuti sakit."}
        taken = await stage.call("POST", f"/v1/tasks/{task}/takeover", *colleague, json=ill)
        assert taken.is_success, taken.text
        body = {"evidence": [evidence], "note": "Selesai."}
        done = await stage.call("POST", f"/v1/tasks/{task}/completion", *colleague, json=body)
        assert done.is_success, done.text
        await stage.incoming(topics.CONFIGURATIONS, request.request_id, *BY_HAND)
        assert storage.quotas[request.applicant.account] == SIZE

    async def refused(stage: Stage) -> None:
        """The storage cannot read the volume's file: it is put back, and tried again once mended."""
        request = stage.request()
        account = request.applicant.account
        storage.refuses.add(account)
        await approve(stage, request)
        await stage.incoming(topics.CONFIGURATIONS, request.request_id, *REFUSED)
        assert account not in storage.quotas
        storage.refuses.discard(account)
        path = f"/v1/requests/{request.request_id}/retry"
        again = await stage.call("POST", path, "administrator", "MAMPU", "siti")
        assert again.status_code == 202, again.text
        await stage.incoming(topics.CONFIGURATIONS, request.request_id, *REFUSED, *IN_FORCE)
        shows(request, on=True)

    async def away(stage: Stage) -> None:
        """IPMS is away for a moment, then slow: the work waits, and is not taken by another."""
        request = stage.request()
        ipms.away[request.applicant.account] = 1
        await approve(stage, request)
        await stage.incoming(topics.CONFIGURATIONS, request.request_id, *IN_FORCE)
        slow = stage.request()
        ipms.slow[slow.applicant.account] = 1.8
        await approve(stage, slow)
        await stage.incoming(topics.CONFIGURATIONS, slow.request_id, *IN_FORCE)
        shows(request, on=True)
        shows(slow, on=True)

    def shows(request: RequestFacts, *, on: bool) -> None:
        """I4: what is in force is what was approved."""
        account = request.applicant.account
        wanted = (
            {"bmtEnabled": True, "maxFileSizeBytes": str(SIZE)} if on else {"bmtEnabled": False}
        )
        assert ipms.services[account] == wanted
        assert storage.quotas.get(account) == (SIZE if on else None)

    return (configured, by_hand, refused, away, of_all.poison, of_all.left_behind)


async def approve(stage: Stage, request: RequestFacts) -> None:
    size = None if request.kind == "termination" else SIZE
    granted = Granted(quota_bytes=size, max_file_size_bytes=size)
    await stage.say(opened(request), sequence=1)
    said = approved(request, decided_at=clock.now(), approved=granted)
    event_id = await stage.say(said, sequence=2)
    await stage.say(said, sequence=2, event_id=event_id)


async def _task(stage: Stage, request: RequestFacts, officer: tuple[str, ...]) -> str:
    listed = await stage.call("GET", "/v1/tasks?status=open&limit=200", *officer)
    (task,) = [t for t in listed.json()["items"] if t["request_id"] == request.request_id] or [None]
    assert task is not None, listed.text
    return task["task_id"]
