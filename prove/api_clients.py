"""Clients of the five services that retry under the same key until they are answered, and the calls of the people in a story.

Each attempt is logged before it is sent and when it is answered.
"""

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

import httpx

from prove.evidence import Action, Call, Log, now
from prove.workload import Story

PATIENCE: Final = httpx.Timeout(15.0, connect=5.0)
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0
LATER: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT})


@dataclass(frozen=True, slots=True)
class Intended:
    """One call to make: one intention.

    Attributes:
        by: `sub` of the token.
        body: an object, or the bytes of an e-mail or a document.
        request_id: the request it is about, if known.
        early: the request may not be known there yet: not found means try later.
        key: the Idempotency-Key.
    """

    story: str
    action: Action
    service: str
    path: str
    by: str
    token: str
    body: Any
    headers: tuple[tuple[str, str], ...] = ()
    request_id: str | None = None
    early: bool = False
    key: str = ""

    def with_key(self) -> "Intended":
        return replace(self, key=self.key or str(uuid.uuid4()))


class Client:
    """All calls of a run. `urls` are by service."""

    def __init__(self, urls: dict[str, str], log: Log) -> None:
        self._urls = urls
        self._log = log
        limits = httpx.Limits(max_connections=None, keepalive_expiry=2.0)
        self._http = httpx.AsyncClient(timeout=PATIENCE, limits=limits, trust_env=False)
        self.answers: Counter[tuple[str, int]] = Counter()
        """Counts of the answers by service and status; status 0 is no answer."""
        self.last_answered = time.monotonic()

    async def close(self) -> None:
        await self._http.aclose()

    async def do(self, intended: Intended) -> Call:
        """The final answer, yes or no; `later` and no answer are retried."""
        intended = intended.with_key()
        unanswered = _unanswered(intended)
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._log.append(replace(unanswered, at=now()))
            answer = await self._send(intended)
            self.answers[intended.service, answer.status_code if answer is not None else 0] += 1
            if answer is not None:
                call = _answered(unanswered, answer)
                self._log.append(call)
                if not _is_later(answer, early=intended.early):
                    self.last_answered = time.monotonic()
                    return call
            await asyncio.sleep(_seconds(answer, pause))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _send(self, intended: Intended) -> httpx.Response | None:
        headers = {
            "Authorization": f"Bearer {intended.token}",
            "Idempotency-Key": intended.key,
            **dict(intended.headers),
        }
        url = self._urls[intended.service] + intended.path
        content = (
            {"content": intended.body}
            if isinstance(intended.body, bytes)
            else {"json": intended.body}
        )
        try:
            return await self._http.post(url, headers=headers, **content)
        except httpx.TransportError:
            return None


def _unanswered(intended: Intended) -> Call:
    sent = intended.body
    if isinstance(sent, bytes):
        sent = {"message": sent.decode()} if intended.action == "submit_email" else None
    return Call(
        now(),
        intended.story,
        intended.action,
        intended.key,
        intended.by,
        intended.request_id,
        sent,
    )


def _answered(unanswered: Call, answer: httpx.Response) -> Call:
    replayed = answer.headers.get("idempotent-replayed") == "true"
    try:
        body = answer.json()
    except ValueError:
        body = answer.text
    return replace(unanswered, at=now(), status=answer.status_code, answer=body, replayed=replayed)


def _is_later(answer: httpx.Response, *, early: bool) -> bool:
    unknown = early and answer.status_code == HTTPStatus.NOT_FOUND
    return unknown or answer.is_server_error or answer.status_code in LATER


def _seconds(answer: httpx.Response | None, pause: float) -> float:
    """The delay asked for, else a growing one; random, so clients do not retry together."""
    retry_after = answer.headers.get("retry-after", "") if answer is not None else ""
    least = float(retry_after) if retry_after.isdecimal() else pause / 2
    return least + random.uniform(0, pause)  # noqa: S311 - nobody guesses it


Token = Callable[[str, str, str], str]
"""Makes a token for a role, an agency and a subject."""

APPROVE: Final = {"decision": "approve", "exception_reason": "Disahkan dengan pemohon"}
REJECT: Final = {"decision": "reject", "reason": "Tiada keperluan"}
RETURN: Final = {"decision": "return", "reason": "Sila nyatakan kuota"}


class AdminClient:
    """The calls of one story's two administrators and its applicant."""

    def __init__(self, story: Story, client: Client, token: Token) -> None:
        self.story = story
        self._client = client
        self._token = token

    async def hand_in(self, kind: str = "application", **changes: Any) -> Call:
        """Submits through any channel but events."""
        channel = self.story.channel
        if channel == "email" and kind == "application" and not changes:
            intended = self._intended(
                "submit_email",
                "intake",
                "/v1/emails",
                _email(self.story),
                headers=(("Content-Type", "message/rfc822"),),
            )
        else:
            documents = [await self._scan()] if channel in ("memo", "letter") else []
            body = self._body(kind, documents, changes)
            intended = self._intended("submit", "intake", "/v1/requests", body)
        intended = intended.with_key()
        call = await self._client.do(intended)
        if self.story.resend == "same":
            await self._client.do(intended)
        elif self.story.resend == "other" and intended.action == "submit":
            other = self._body(kind, [], {**changes, "justification": "Lain"})
            await self._do("submit", "intake", "/v1/requests", other, intended.key)
        return call

    async def decide(
        self, request_id: str, ruling: dict[str, Any], *, second: bool = False
    ) -> Call:
        path = f"/v1/requests/{request_id}/decision"
        return await self._do(
            "decide", "approval", path, ruling, request_id=request_id, second=second
        )

    async def approve(self, request_id: str, *, second: bool = False) -> Call:
        """Grants the story's sizes."""
        ruling = APPROVE | {"quota_bytes": self.story.granted_bytes}
        return await self.decide(request_id, ruling, second=second)

    async def approve_end(self, request_id: str) -> Call:
        """Approves a termination, which grants nothing."""
        return await self.decide(request_id, APPROVE)

    async def withdraw(self, request_id: str) -> Call:
        path, body = f"/v1/requests/{request_id}/withdrawal", {"reason": "Tidak perlu lagi"}
        return await self._do("withdraw", "intake", path, body, request_id=request_id)

    async def correct(self, request_id: str) -> Call:
        """Submits the returned request again, with other sizes."""
        path = f"/v1/requests/{request_id}/correction"
        body = self._body("application", [], {"justification": "Dibetulkan"})
        return await self._do("correct", "intake", path, body, request_id=request_id)

    async def do_task(self, request_id: str, task_id: str) -> Call:
        path = f"/v1/tasks/{task_id}/completion"
        body = {"evidence": [await self._scan()], "note": "Ditetapkan di portal"}
        return await self._do("complete_task", "provisioning", path, body, request_id=request_id)

    async def hand_over(self, request_id: str, notification_id: str) -> Call:
        path = f"/v1/notifications/{notification_id}/dispatch"
        body = {"note": "Diserahkan di kaunter"}
        return await self._do("dispatch", "notification", path, body, request_id=request_id)

    async def _scan(self) -> str:
        headers = (
            ("Content-Type", "text/plain"),
            ("Content-Disposition", 'attachment; filename="imbasan.txt"'),
        )
        content = f"Imbasan {self.story.name} {uuid.uuid4()}".encode()
        call = await self._do("upload", "intake", "/v1/documents", content, headers=headers)
        return str(call.answer["document_id"])

    def _body(self, kind: str, documents: list[str], changes: dict[str, Any]) -> dict[str, Any]:
        channel = "form" if self.story.channel in ("email", "event") else self.story.channel
        body = self.story.requested(**changes) | {"channel": channel, "documents": documents}
        if kind == "application":
            return body
        sizes = ("quota_bytes", "max_file_size_bytes")
        return {name: each for name, each in body.items() if name not in sizes} | {"kind": kind}

    async def _do(self, *call: Any, **options: Any) -> Call:
        return await self._client.do(self._intended(*call, **options))

    def _intended(
        self,
        action: Action,
        service: str,
        path: str,
        body: Any,
        key: str = "",
        *,
        headers: tuple[tuple[str, str], ...] = (),
        request_id: str | None = None,
        second: bool = False,
    ) -> Intended:
        agency = self.story.agency
        by = f"{'kedua' if second else 'pertama'}.{agency.lower()}@mygovuc.gov.my"
        return Intended(
            self.story.name,
            action,
            service,
            path,
            by,
            self._token("administrator", agency, by),
            body,
            headers,
            request_id,
            early=request_id is not None,
            key=key,
        )


def _email(story: Story) -> bytes:
    lines = (
        f"From: <{story.account}>",
        "To: <uc@mygovuc.gov.my>",
        "Subject: Permohonan BMT",
        f"Message-ID: <{uuid.uuid4()}@mygovuc.gov.my>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Jenis: permohonan",
        f"Agensi: {story.agency}",
        f"Nama: Pemohon {story.name}",
        f"Akaun: {story.account}",
        f"E-mel: {story.account}",
        f"Justifikasi: Menghantar fail besar ({story.name})",
        f"Kuota: {story.quota_bytes // 10**9} GB",
        f"Saiz fail: {story.max_file_size_bytes // 10**6} MB",
        "",
    )
    return "\r\n".join(lines).encode()
