"""A client of the five services that retries under the same key until it is answered.

Each attempt is logged before it is sent and when it is answered.
"""

import asyncio
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

import httpx

from prove.client_log import Action, Call, Log, now

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
        asked = _asked(intended)
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._log.append(replace(asked, at=now()))
            answer = await self._send(intended)
            self.answers[intended.service, answer.status_code if answer is not None else 0] += 1
            if answer is not None:
                call = _answered(asked, answer)
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


def _asked(intended: Intended) -> Call:
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


def _answered(asked: Call, answer: httpx.Response) -> Call:
    replayed = answer.headers.get("idempotent-replayed") == "true"
    try:
        told = answer.json()
    except ValueError:
        told = answer.text
    return replace(asked, at=now(), status=answer.status_code, answer=told, replayed=replayed)


def _is_later(answer: httpx.Response, *, early: bool) -> bool:
    unknown = early and answer.status_code == HTTPStatus.NOT_FOUND
    return unknown or answer.is_server_error or answer.status_code in LATER


def _seconds(answer: httpx.Response | None, pause: float) -> float:
    """The delay asked for, else a growing one; random, so clients do not retry together."""
    said = answer.headers.get("retry-after", "") if answer is not None else ""
    least = float(said) if said.isdecimal() else pause / 2
    return least + random.uniform(0, pause)  # noqa: S311 - nobody guesses it
