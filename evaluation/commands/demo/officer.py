"""The sample requests of examples/: what comes in, by which channel, with which papers."""

import asyncio
import hashlib
import mimetypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import strict_yaml
from evaluation.layout import REPOSITORY
from evaluation.ready_file import Document

EXAMPLES: Final = REPOSITORY / "examples"


@dataclass(frozen=True)
class Sample:
    """One request that comes in.

    Attributes:
        name: of its file, for example `2-memo`.
        agency: whose administrator handles it.
        body: of `POST /v1/requests`; empty for an e-mail.
        email: the whole message; empty for a paper.
        papers: scans to upload with it.
        evidence: what a person files when IPMS is configured by hand.
        after: the sample that must be filed before this one comes in.
    """

    name: str
    agency: str
    body: dict[str, Any] = field(default_factory=dict)
    email: bytes = b""
    papers: tuple[Path, ...] = ()
    evidence: Path | None = None
    after: str | None = None

    @property
    def channel(self) -> str:
        """The way it comes in."""
        return str(self.body.get("channel", "email"))

    @property
    def kind(self) -> str:
        """Application or termination."""
        return str(self.body.get("kind", "application"))


def samples() -> list[Sample]:
    """All samples, in the order of their names.

    Raises:
        WrongConfiguration: the examples are not there.
    """
    files = sorted((EXAMPLES / "requests").glob("*.*"))
    if not files:
        raise WrongConfiguration(f"{EXAMPLES} is not there: run bmt demo from a clone")
    return [_email(file) if file.suffix == ".eml" else _paper(file) for file in files]


def _email(file: Path) -> Sample:
    return Sample(name=file.stem, agency="MAMPU", email=file.read_bytes())


def _paper(file: Path) -> Sample:
    said = strict_yaml.read(file.read_text(encoding="utf-8"))
    evidence = said.get("evidence")
    return Sample(
        name=file.stem,
        agency=said["body"]["agency"],
        body=said["body"],
        papers=(EXAMPLES / "documents" / said["document"],),
        evidence=EXAMPLES / "documents" / evidence if evidence else None,
        after=said.get("after"),
    )


# An agency's UC administrator, who does all four steps through the public API (SOP 2.0).


Json = dict[str, Any]


class Refusal(RuntimeError):  # noqa: N818  named for what is so
    """A service answered with a problem.

    Attributes:
        status: its HTTP status.
    """

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"{response.request.url.path}: {response.status_code} {response.text}")
        self.status = response.status_code


class NotHeardYet(Refusal):
    """A service does not know the request yet: the event is on its way."""


class Officer:
    """Calls the five services with one administrator's token."""

    def __init__(self, client: httpx.AsyncClient, ready: Document, token: str) -> None:
        """`ready` is the ready file; the token is an administrator's."""
        self._client = client
        self._urls = {name: service["url"] for name, service in ready["services"].items()}
        self._authorization = {"Authorization": f"Bearer {token}"}

    async def receive(self, sample: Sample) -> Json:
        """Hand in what came: the e-mail as it is, or the paper's fields with its scan (step 1)."""
        if sample.email:
            kind = {"Content-Type": "message/rfc822"}
            return await self._post("intake", "/v1/emails", content=sample.email, headers=kind)
        documents = [await self._upload(paper) for paper in sample.papers]
        body = {**sample.body, "documents": documents}
        return await self._post("intake", "/v1/requests", json=body)

    async def approve(self, request_id: str) -> Json:
        """Approve what stands on the worklist, giving a reason where there are warnings (step 2)."""
        waiting = await self._get("approval", f"/v1/requests/{request_id}")
        exception = "Disahkan dengan pemohon" if waiting["warnings"] else None
        body = {"decision": "approve", "exception_reason": exception}
        return await self._post("approval", f"/v1/requests/{request_id}/decision", json=body)

    async def configure_by_hand(self, request_id: str, evidence: Path) -> None:
        """Do the manual tasks of a request and file the evidence (step 3, where IPMS has no API)."""
        tasks = await self._get("provisioning", "/v1/tasks?status=open&limit=200")
        document = await self._upload(evidence)
        body = {"evidence": [document], "note": "Ditetapkan di IPMS Admin Portal"}
        for task in tasks["items"]:
            if task["request_id"] == request_id:
                await self._post("provisioning", f"/v1/tasks/{task['task_id']}/claim")
                await self._post(
                    "provisioning", f"/v1/tasks/{task['task_id']}/completion", json=body
                )

    async def hand_over_papers(self, request_id: str) -> int:
        """Say of each prepared paper that it was handed over (step 4); how many there were."""
        notices = await self._get("notification", f"/v1/requests/{request_id}/notifications")
        papers = [
            notice
            for notice in notices["items"]
            if notice["status"] == "prepared" and notice["channel"] != "email"
        ]
        for paper in papers:
            path = f"/v1/notifications/{paper['notification_id']}/dispatch"
            await self._post("notification", path, json={"note": "Diserahkan di kaunter"})
        return len(papers)

    async def status(self, request_id: str) -> Json:
        """Where the request is."""
        return await self._get("intake", f"/v1/requests/{request_id}")

    async def record(self, request_id: str) -> Json:
        """The designated file."""
        return await self._get("records", f"/v1/records/{request_id}")

    async def _upload(self, paper: Path) -> str:
        headers = {
            "Content-Type": mimetypes.guess_type(paper.name)[0] or "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{paper.name}"',
        }
        content = await asyncio.to_thread(paper.read_bytes)
        stored = await self._post("intake", "/v1/documents", content=content, headers=headers)
        return str(stored["document_id"])

    async def _get(self, service: str, path: str) -> Json:
        url = self._urls[service] + path
        return _answer(await self._client.get(url, headers=self._authorization))

    async def _post(
        self, service: str, path: str, *, headers: dict[str, str] | None = None, **content: Any
    ) -> Json:
        """The key is made from the call itself: made again after a crash, it is the same call."""
        url = self._urls[service] + path
        request = self._client.build_request("POST", url, headers=headers, **content)
        request.headers.update(self._authorization)
        call = hashlib.sha256(path.encode() + request.content)
        request.headers["Idempotency-Key"] = call.hexdigest()
        return _answer(await self._client.send(request))


def _answer(response: httpx.Response) -> Json:
    if response.is_error:
        unknown = response.status_code == httpx.codes.NOT_FOUND
        raise NotHeardYet(response) if unknown else Refusal(response)
    answer: Json = response.json()
    return answer
