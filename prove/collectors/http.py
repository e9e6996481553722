"""The services' answers: each request's status, review, notices and record, the open lists, the metrics."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx

from prove.evidence import Answers, Endpoints, Sample, Unreachable

CONCURRENCY: Final = 24
TRIES: Final = 5
MOST: Final = 200
_SAMPLE: Final = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)")
_LABEL: Final = re.compile(r'\b(\w++)="((?:[^"\\]|\\.)*+)"')


@dataclass(frozen=True, slots=True)
class Asked:
    """All answers."""

    answers: Mapping[str, Answers]
    samples: tuple[Sample, ...]
    unfinished: Mapping[str, str]
    tasks: frozenset[str]


class Asking:
    """The auditor's HTTP calls."""

    def __init__(self, where: Endpoints, client: httpx.AsyncClient) -> None:
        self._urls = {name: each["url"] for name, each in where.ready["services"].items()}
        self._where = where
        self._client = client
        self._slots = asyncio.Semaphore(CONCURRENCY)

    async def get(
        self, service: str, path: str, token: str, **parameters: str | int
    ) -> httpx.Response | None:
        """The answer; None for `not_found`.

        Raises:
            Unreachable: there was none after several tries.
        """
        why = ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for tries in range(TRIES):
            await asyncio.sleep(tries)
            try:
                async with self._slots:
                    answer = await self._client.get(
                        f"{self._urls[service]}{path}", headers=headers, params=parameters
                    )
            except httpx.TransportError as error:
                why = type(error).__name__
                continue
            if answer.is_success:
                return answer
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return None
            why = f"{path} is answered {answer.status_code}"
        raise Unreachable(service, why)

    async def document(self, service: str, path: str, token: str) -> Mapping[str, Any] | None:
        answer = await self.get(service, path, token)
        return answer.json() if answer is not None else None

    async def items(self, service: str, path: str, token: str) -> AsyncIterator[Mapping[str, Any]]:
        """A list, page after page."""
        cursor: str | None = ""
        while cursor is not None:
            more = {"cursor": cursor} if cursor else {}
            answer = await self.get(service, path, token, limit=MOST, **more)
            page = answer.json() if answer is not None else {}
            for item in page.get("items", ()):
                yield item
            cursor = page.get("next_cursor")


async def gather(where: Endpoints, agencies: Mapping[str, str]) -> Asked:
    """Ask about each request; `agencies` has each request's agency.

    Raises:
        Unreachable: a service does not answer.
    """
    async with httpx.AsyncClient(timeout=60.0, trust_env=False) as client:
        asking = Asking(where, client)
        open_ = {
            str(item["request_id"])
            for token in where.administrators.values()
            async for item in asking.items("approval", "/v1/worklist", token)
        }
        tasks = {
            str(item["request_id"])
            for token in where.administrators.values()
            async for item in asking.items("provisioning", "/v1/tasks", token)
            if item.get("status") == "open"
        }
        unfinished = {
            str(item["request_id"]): str(item["waiting_for"])
            async for item in asking.items(
                "provisioning", "/v1/configurations", where.auditor_token
            )
        }
        # Before records are read: each read is an event of the record and changes the metrics.
        samples = [
            sample for name in where.ready["services"] for sample in await _samples(asking, name)
        ]
        told = await asyncio.gather(
            *(_answers(asking, where, each, agencies[each], each in open_) for each in agencies)
        )
    return Asked(
        dict(zip(agencies, told, strict=True)), tuple(samples), unfinished, frozenset(tasks)
    )


async def _answers(
    asking: Asking,
    where: Endpoints,
    request_id: str,
    agency: str,
    on_worklist: bool,  # noqa: FBT001
) -> Answers:
    auditor = where.auditor_token
    path = f"/v1/requests/{request_id}"
    administrator = where.administrators.get(agency)
    review = await asking.document("approval", path, administrator) if administrator else None
    notices = await asking.document("notification", f"{path}/notifications?limit={MOST}", auditor)
    return Answers(
        status=await asking.document("intake", path, auditor),
        review=review,
        record=await asking.document("records", f"/v1/records/{request_id}", auditor),
        notifications=tuple(notices["items"]) if notices else None,
        on_worklist=on_worklist,
    )


async def _samples(asking: Asking, service: str) -> Sequence[Sample]:
    answer = await asking.get(service, "/metrics", "")
    lines = answer.text.splitlines() if answer is not None else []
    found = (_SAMPLE.match(line) for line in lines)
    return [
        Sample(service, each[1], dict(_LABEL.findall(each[2] or "")), float(each[3]))
        for each in found
        if each
    ]
