"""A good client of the five services: it asks until it is answered, always with the same key.

Each attempt stands in the log before it is sent and when it is answered.
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
class VisitorClient:
    """What is to be done: one intention.

    Attributes:
        story: whose.
        action: what the log calls it.
        service: who is asked.
        path: of the call.
        by: `sub` of the token.
        token: the bearer token.
        body: an object, or the bytes of an e-mail or a document.
        headers: beyond those of every call.
        request_id: which request it is about, where that is known.
        early: the request may not be known there yet: not found means later.
        key: of idempotency.
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

    def with_key(self) -> "VisitorClient":
        """The same, with a key of its own."""
        return replace(self, key=self.key or str(uuid.uuid4()))


class Client:
    """All calls of a run."""

    def __init__(self, urls: dict[str, str], log: Log) -> None:
        """`urls` are the services' by name."""
        self._urls = urls
        self._log = log
        limits = httpx.Limits(max_connections=None, keepalive_expiry=2.0)
        self._http = httpx.AsyncClient(timeout=PATIENCE, limits=limits, trust_env=False)
        self.answers: Counter[tuple[str, int]] = Counter()
        """How many of each service's answers had which status; 0 where there was none."""
        self.last_answered = time.monotonic()

    async def close(self) -> None:
        """No more calls."""
        await self._http.aclose()

    async def do(self, visitor_client: VisitorClient) -> Call:
        """Its answer, which is a yes or a no; `later` and silence are asked again."""
        visitor_client = visitor_client.with_key()
        asked = _asked(visitor_client)
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._log.append(replace(asked, at=now()))
            answer = await self._send(visitor_client)
            self.answers[
                visitor_client.service, answer.status_code if answer is not None else 0
            ] += 1
            if answer is not None:
                call = _answered(asked, answer)
                self._log.append(call)
                if not _is_later(answer, early=visitor_client.early):
                    self.last_answered = time.monotonic()
                    return call
            await asyncio.sleep(_seconds(answer, pause))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _send(self, visitor_client: VisitorClient) -> httpx.Response | None:
        headers = {
            "Authorization": f"Bearer {visitor_client.token}",
            "Idempotency-Key": visitor_client.key,
            **dict(visitor_client.headers),
        }
        url = self._urls[visitor_client.service] + visitor_client.path
        content = (
            {"content": visitor_client.body}
            if isinstance(visitor_client.body, bytes)
            else {"json": visitor_client.body}
        )
        try:
            return await self._http.post(url, headers=headers, **content)
        except httpx.TransportError:
            return None


def _asked(visitor_client: VisitorClient) -> Call:
    sent = visitor_client.body
    if isinstance(sent, bytes):
        sent = {"message": sent.decode()} if visitor_client.action == "submit_email" else None
    return Call(
        now(),
        visitor_client.story,
        visitor_client.action,
        visitor_client.key,
        visitor_client.by,
        visitor_client.request_id,
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
    """As long as was asked for, else a little longer each time; never all clients at once."""
    said = answer.headers.get("retry-after", "") if answer is not None else ""
    least = float(said) if said.isdecimal() else pause / 2
    return least + random.uniform(0, pause)  # noqa: S311 - nobody guesses it
