"""A dozen stories that touch every step and every border, told by clients that never give up."""

import base64
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer
from eventually import eventually

from evaluation.issuer import holder, mint
from prove.evidence import PUBLISHED, Action, Call, Log, now

INBOUND = "bmt.inbound.hrmis.v1"
GB = 10**9
PDF = Path(__file__).parents[3] / "examples" / "documents" / "bukti-ipms.pdf"


class GaveUp(Exception):  # noqa: N818  named for what is so
    """Something took too long: the audit says what."""


class Clients:
    """All clients of a run, and their log."""

    def __init__(
        self, ready: Mapping[str, Any], log: Log, http: httpx.AsyncClient, patience: float
    ) -> None:
        self.ready = ready
        self.log = log
        self.http = http
        self._mint = mint(ready["issuer"], Path(ready["data"]) / "issuer" / "key.json")
        self.deadline = time.monotonic() + patience

    def token(self, role: str, agency: str, subject: str | None = None) -> str:
        return self._mint.token(holder([role], agency, subject))

    async def call(
        self,
        story: str,
        action: Action,
        service: str,
        path: str,
        body: Any,
        *,
        by: str = "admin",
        agency: str = "MAMPU",
        key: str | None = None,
        request_id: str | None = None,
        until: int = 0,
    ) -> Call:
        """The answer; 404 and 5xx are asked again, the same key each time; `until`: a status to wait for."""
        key = key or str(uuid.uuid4())
        sent: Any = body if isinstance(body, dict) else {"message": body}
        subject = f"{by}.{agency.lower()}@mygovuc.gov.my"
        asked = Call(now(), story, action, key, subject, request_id, sent)

        async def taken() -> Call:
            self.log.append(asked)
            headers = {
                "Authorization": f"Bearer {self.token('administrator', agency, subject)}",
                "Idempotency-Key": key,
            }
            answer = await self._post(service, path, body, headers)
            assert answer is not None
            told = answer.json()
            replayed = answer.headers.get("idempotent-replayed") == "true"
            status = answer.status_code
            done = Call(
                now(), story, action, key, subject, request_id, sent, status, told, replayed
            )
            self.log.append(done)
            assert status < 500
            assert status != 404
            assert until in (0, status)
            return done

        return await self.once(f"{story}: {action}", taken)

    async def once(self, what: str, holds: Callable[[], Awaitable[Any]]) -> Any:
        """What `holds` answers once it holds, as for `eventually`.

        Raises:
            GaveUp: it did not while the patience lasted; says `what`.
        """
        try:
            return await eventually(holds, self.deadline - time.monotonic())
        except AssertionError as error:
            raise GaveUp(what) from error

    async def _post(
        self, service: str, path: str, body: Any, headers: dict[str, str]
    ) -> httpx.Response | None:
        url = self.ready["services"][service]["url"] + path
        try:
            if isinstance(body, dict):
                return await self.http.post(url, json=body, headers=headers)
            if isinstance(body, str):
                headers = headers | {"Content-Type": "message/rfc822"}
            return await self.http.post(url, content=body, headers=headers)
        except httpx.TransportError:
            return None

    async def get(self, service: str, path: str, agency: str = "MAMPU") -> Any:
        subject = f"admin.{agency.lower()}@mygovuc.gov.my"
        headers = {"Authorization": f"Bearer {self.token('administrator', agency, subject)}"}
        try:
            answer = await self.http.get(
                self.ready["services"][service]["url"] + path, headers=headers
            )
        except httpx.TransportError:
            return {}
        return answer.json() if answer.is_success else {}

    async def upload(self, story: str, agency: str) -> str:
        """A document of evidence."""
        subject = f"admin.{agency.lower()}@mygovuc.gov.my"
        headers = {
            "Authorization": f"Bearer {self.token('administrator', agency, subject)}",
            "Idempotency-Key": story,
            "Content-Type": "application/pdf",
            "Content-Disposition": 'attachment; filename="bukti.pdf"',
        }
        asked = Call(now(), story, "upload", story, subject, None, None)

        async def taken() -> str:
            self.log.append(asked)
            answer = await self._post("intake", "/v1/documents", PDF.read_bytes(), headers)
            assert answer is not None
            assert answer.is_success
            told = answer.json()
            self.log.append(replace(asked, at=now(), status=answer.status_code, answer=told))
            return str(told["document_id"])

        return await self.once(f"{story}: upload", taken)

    async def publish(self, story: str, action: Action, key: str, value: bytes, **headers: str):
        """One record on the integrator's topic, logged before and after."""
        sent = {"topic": INBOUND, "headers": headers, "value": base64.b64encode(value).decode()}
        self.log.append(Call(now(), story, action, key, "hrmis", None, sent))
        kafka = self.ready["kafka"]
        async with AIOKafkaProducer(
            bootstrap_servers=kafka["bootstrap_servers"],
            security_protocol=kafka["security_protocol"],
            sasl_mechanism=kafka["sasl_mechanism"],
            sasl_plain_username="hrmis",
            sasl_plain_password=kafka["principals"]["hrmis"],
        ) as producer:
            raw = [(name, text.encode()) for name, text in headers.items()]
            place = await producer.send_and_wait(INBOUND, value, headers=raw)
        answer = {"topic": place.topic, "partition": place.partition, "offset": place.offset}
        self.log.append(Call(now(), story, action, key, "hrmis", None, sent, PUBLISHED, answer))

    async def register(self, account: str) -> None:
        """An account of IPMS, serving."""
        ipms = self.ready["ipms"]
        user = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": account,
            "active": True,
        }
        headers = {"Authorization": f"Bearer {ipms['token']}"}
        answer = await self.http.post(f"{ipms['url']}/Users", json=user, headers=headers)
        answer.raise_for_status()


def requested(
    account: str, *, kind: str = "application", agency: str = "MAMPU", **more: Any
) -> dict:
    """The body of a submission."""
    applicant = {"account": account, "name": "Siti binti Ahmad", "email": account}
    sizes = {"quota_bytes": 5 * GB, "max_file_size_bytes": GB} if kind == "application" else {}
    body = {"kind": kind, "agency": agency, "channel": "form", "reply_through": "email"}
    return body | {"applicant": applicant, "justification": "Fail besar"} | sizes | more


def email(account: str) -> str:
    return (
        f"From: <{account}>\r\nTo: <uc@mygovuc.gov.my>\r\nSubject: Permohonan BMT\r\n"
        f"Message-ID: <{uuid.uuid4()}@mygovuc.gov.my>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\n"
        f"Jenis: permohonan\r\nAgensi: MAMPU\r\nNama: Siti\r\nAkaun: {account}\r\n"
        f"E-mel: {account}\r\nJustifikasi: Fail besar\r\nKuota: 5 GB\r\nSaiz fail: 1 GB\r\n"
    )


def account(agency: str = "mampu") -> str:
    return f"u{uuid.uuid4().hex[:10]}.{agency}@mygovuc.gov.my"
