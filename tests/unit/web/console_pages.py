"""The console's pages, in front of services that a test plays."""

import json
from pathlib import Path

import httpx
from fastapi import FastAPI
from fixtures.memory_drafts import MemoryDrafts
from fixtures.memory_presence import MemoryPresence
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from starlette.requests import Request

from bmt.agencies import register
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.limits import UNLIMITED
from bmt.chassis.runtime.clock import now
from bmt.contracts.http.intake import InboxItemInFull, ScanTold
from bmt.contracts.values import Document
from web import session
from web.clients import ServiceClients
from web.console.area import AREA
from web.error_pages import Refusals
from web.layout import Layout
from web.pictures import Pictures
from web.ports import Ports
from web.uploads import Uploads

AGENCIES = register.read(Path(__file__).parents[3] / "deploy" / "embedded" / "agencies.yaml")
VISITOR = Principal("siti", "", "Siti", "MAMPU", frozenset({"administrator"}))
LIMITS = {"max_bytes": 26_214_400, "media_types": ["application/pdf"]}
SERVICES = ("intake", "approval", "provisioning", "notification", "records")
_BUILT = {}

AT = "2026-11-28T01:00:00Z"
ID = "019349f0-1c2a-7b3c-8d4e-5f60718293a4"
HAMID = {"subject": "hamid", "name": "Hamid", "role": "administrator"}
ASSIGNED = {"by": HAMID, "at": AT, "until": "2026-11-29T01:00:00Z"}
ABOUT = {"request_id": ID, "reference": "BMT-MAMPU-2026-7K3QF9ZT", "kind": "application"}
APPLICANT = {"account": "siti", "name": "Siti binti Ali", "email": "siti@mampu.gov.my"}
COUNTS = {"open": 3, "overdue": 1, "for_caller": 3, "done_by_caller": 5}
PAPER = Document(
    document_id="sha256:" + "0" * 64,
    filename="surat.pdf",
    media_type="application/pdf",
    size_bytes=1,
)
SCAN = ScanTold(batch=PAPER, pages=(1,))
FAILED = {
    **ABOUT,
    "agency": "MAMPU",
    "status": "configuration_failed",
    "target": "ipms",
    "reason": "IPMS has no such account",
    "retryable": True,
    "failed_at": AT,
    "failures": 2,
    "last_retry": None,
    "approved_at": "2026-11-27T01:00:00Z",
    "due_at": "2026-11-28T09:00:00Z",
}
TASK = {
    **ABOUT,
    "task_id": "t1",
    "agency": "MAMPU",
    "account": "siti",
    "applicant_name": "Siti binti Ali",
    "target": "ipms",
    "instructions": "Hidupkan.",
    "status": "open",
    "opened_at": AT,
    "due_at": "2026-11-30T09:00:00Z",
    "request_status": "awaiting_operator",
}


def inbox_item(**changes):
    values = {
        "inbox_item_id": ID,
        "agency": "MAMPU",
        "status": "waiting",
        "received_at": AT,
        "sender": "Siti binti Ali <siti@mampu.gov.my>",
        "subject": "Undelivered",
        "document_id": PAPER.document_id,
        "documents": (),
        "understood": {},
        "missing": (),
        "settled_by": None,
        "settled_at": None,
        "reason": None,
    }
    return InboxItemInFull(**{**values, **changes})


def problem(name, status, **more):
    """A service's refusal."""
    body = {"type": f"urn:bmt:problem:{name}", "title": name, "status": status, "detail": name}
    return httpx.Response(status, json={**body, **more})


class Services:
    """What services answer by a call's path, with or without its method or host; `otherwise` to all other calls.

    A list is a page of them, None is nothing that is there; `away` are hosts that do not answer.
    """

    def __init__(self, answers=(), *, otherwise=(), away=()):
        self.answers, self.otherwise, self.away = dict(answers), otherwise, away
        self.calls = []

    def __call__(self, call):
        self.calls.append(call)
        if call.url.host in self.away:
            raise httpx.ConnectError("down", request=call)
        path = call.url.path.removeprefix("/v1/")
        names = (f"{call.method} {path}", f"{call.url.host} {path}", path)
        answer = next((self.answers[n] for n in names if n in self.answers), self.otherwise)
        answer = answer(call) if callable(answer) else answer
        if answer is None or isinstance(answer, httpx.Response):
            return problem("not_found", 404) if answer is None else answer
        if isinstance(answer, BaseModel):
            return httpx.Response(200, content=answer.model_dump_json(by_alias=True))
        if isinstance(answer, list | tuple):
            answer = {"items": list(answer), "next_cursor": None}
        return httpx.Response(200, json=answer)

    def asked(self, path):
        """What was asked of a path, call by call."""
        return [call.url.params for call in self.calls if call.url.path == f"/v1/{path}"]

    @property
    def posted(self):
        return [call for call in self.calls if call.method == "POST"]

    @property
    def sent(self):
        """What was posted: to which service and path, and the body."""
        return [(one.url.host, one.url.path, json.loads(one.content)) for one in self.posted]


def _pages(area):
    """The pages of an area, built once: each browser brings what they work with."""
    if area.prefix not in _BUILT:
        layout = Layout(area.prefix, [area.folder], account="/account")
        layout.always(**area.always)
        app = FastAPI()
        app.state.rate_limit = UNLIMITED
        for router in area.routers:
            app.include_router(router)
        Refusals(layout).install(app)
        _BUILT[area.prefix] = app, layout
    return _BUILT[area.prefix]


def browser(answers, visitor=VISITOR, area=AREA):
    """A browser at an area, else at the console; `answers` is what the services answer to a call, by its URL's host."""

    def answered(call):
        """A test's intake says what it takes in before it says what the test is about."""
        limits = call.url.path == "/v1/document-limits"
        return httpx.Response(200, json=LIMITS) if limits else answers(call)

    clients = ServiceClients(
        {name: f"http://{name}" for name in SERVICES}, httpx.MockTransport(answered)
    )
    presence = MemoryPresence()
    app, layout = _pages(area)
    ports = Ports(
        layout=layout,
        clients=clients,
        pictures=Pictures(),
        agencies=AGENCIES,
        drafts=MemoryDrafts(now),
        presence=presence,
        uploads=Uploads(now),
        status_limits=None,
        registry=CollectorRegistry(),
        clock=now,
    )

    async def goes_on():
        return True

    async def signed_in(scope, receive, send):
        app.state.ports = ports  # of this browser, at the pages that all share
        session.put(Request(scope), session.Session(visitor, "the-token", "", goes_on))
        await app(scope, receive, send)

    client = httpx.AsyncClient(transport=httpx.ASGITransport(signed_in), base_url="http://console")
    client.presence = presence
    return client


async def shown(answers, address, **asked):
    """The text of a page that is there, its blanks as one."""
    answer = await browser(answers).get(address, params=asked or None)
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())
