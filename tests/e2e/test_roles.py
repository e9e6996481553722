"""Every call of the five services, made by everybody: what each role may, in its own agency and another.

One row a call, one column a caller; all of it is about requests of JPA. `none` is a list that answers
and does not tell of them; `202|409` depends on whether approval was quicker. A route that is not in
the table fails the test.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import api_documents
import httpx
import pytest
from aiokafka import AIOKafkaProducer
from eventually import eventually
from fixtures.outside import (
    SECONDS,
    Caller,
    Observer,
    application,
    as_principal,
    registered,
)
from fixtures.thoroughness import only_long
from starlette.routing import Mount

from bmt.chassis.http.auth import Guard
from bmt.chassis.runtime.clock import now
from evaluation.issuer import Holder, Mint, mint

pytestmark = pytest.mark.e2e

CALLERS = {
    "nobody": None,
    "without a role": ("", "JPA"),
    "the applicant": ("applicant", "JPA"),
    "another applicant": ("applicant", "JPA"),
    "administrator of JPA": ("administrator", "JPA"),
    "administrator of MAMPU": ("administrator", "MAMPU"),
    "administrator of no agency": ("administrator", ""),
    "operator of JPA": ("operator", "JPA"),
    "operator of MAMPU": ("operator", "MAMPU"),
    "auditor of JPA": ("auditor", "JPA"),
    "auditor of MAMPU": ("auditor", "MAMPU"),
    "auditor of all": ("auditor", ""),
    "integrator": ("integrator", "JPA"),
}

#                          nobody        applicant            administrator        operator      auditor
#                               no role   own   other     JPA   MAMPU  none     JPA   MAMPU   JPA   MAMPU  all   integrator
TABLE = """
intake POST /v1/documents
                             401  403     201   201       201   201    201      201   201     403   403    403   201
intake GET /v1/document-limits
                             401  403     200   200       200   200    200      200   200     403   403    403   200
intake POST /v1/requests
                             401  403     201   403       201   403    403      403   403     403   403    403   403
intake POST /v1/request-checks
                             401  403     200   403       200   403    403      403   403     403   403    403   403
intake GET /v1/sizes
                             401  403     200   200       200   200    404      403   403     403   403    403   403
intake GET /v1/accounts/{account}
                             401  403     403   403       200   404    404      403   403     403   403    403   403
intake GET /v1/requests
                             401  403     200   none      200   none   none     200   200     200   none   200   403
intake GET /v1/requests/{request_id}
                             401  403     200   404       200   404    404      200   200     200   404    200   403
intake GET /v1/requests/{request_id}/live
                             401  403     200   404       200   404    404      200   200     200   404    200   403
intake GET /v1/requests/{request_id}/submission
                             401  403     200   404       200   404    404      403   403     403   403    403   403
intake GET /v1/requests/{request_id}/documents/{document_id}
                             401  403     200   404       200   404    404      403   403     403   403    403   403
intake POST /v1/requests/{request_id}/withdrawal
                             401  403     202   404      202|409 404    404      403   403     403   403    403   403
intake POST /v1/requests/{request_id}/correction
                             401  403     201   404       409   404    404      403   403     403   403    403   403
intake POST /v1/emails
                             401  403     403   403       202   202    403      202   202     403   403    403   403
intake GET /v1/forms/{kind}.pdf
                             401  403     200   200       200   200    200      200   200     200   200    200   403
intake POST /v1/scans
                             401  403     403   403       201   201    403      403   403     403   403    403   403
intake GET /v1/inbox
                             401  403     403   403       200   none   none     403   403     403   403    403   403
intake GET /v1/inbox/{inbox_item_id}
                             401  403     403   403       200   404    404      403   403     403   403    403   403
intake GET /v1/inbox/{inbox_item_id}/text
                             401  403     403   403       200   404    404      403   403     403   403    403   403
intake GET /v1/inbox/{inbox_item_id}/documents/{document_id}
                             401  403     403   403       200   404    404      403   403     403   403    403   403
intake POST /v1/inbox/{inbox_item_id}/registration
                             401  403     403   403       201   404    404      403   403     403   403    403   403
intake POST /v1/inbox/{inbox_item_id}/dismissal
                             401  403     403   403       201   404    404      403   403     403   403    403   403
intake POST /v1/inbox/{inbox_item_id}/assignment
                             401  403     403   403       201   404    404      403   403     403   403    403   403
intake DELETE /v1/inbox/{inbox_item_id}/assignment
                             401  403     403   403       200   404    404      403   403     403   403    403   403
intake GET /v1/submissions
                             401  403     403   403       403   403    403      403   403     403   403    403   none
intake GET /v1/submissions/{submission_id:text}
                             401  403     403   403       403   403    403      403   403     403   403    403   404
approval GET /v1/worklist
                             401  403     403   403       200   none   none     403   403     403   403    403   403
approval GET /v1/worklist/counts
                             401  403     403   403       200   200    200      403   403     403   403    403   403
approval GET /v1/worklist/live
                             401  403     403   403       200   none   none     403   403     403   403    403   403
approval GET /v1/requests
                             401  403     403   403       200   none   none     403   403     403   403    403   403
approval GET /v1/requests/{request_id}
                             401  403     403   403       200   404    404      403   403     403   403    403   403
approval GET /v1/requests/{request_id}/live
                             401  403     403   403       200   404    404      403   403     403   403    403   403
approval GET /v1/requests/{request_id}/documents/{document_id}
                             401  403     403   403       200   404    404      403   403     403   403    403   403
approval POST /v1/requests/{request_id}/decision
                             401  403     403   403       201   404    404      403   403     403   403    403   403
approval POST /v1/requests/{request_id}/hold
                             401  403     201   404       201   404    404      403   403     403   403    403   403
approval POST /v1/requests/{request_id}/assignment
                             401  403     403   403       201   404    404      403   403     403   403    403   403
approval DELETE /v1/requests/{request_id}/assignment
                             401  403     403   403       200   404    404      403   403     403   403    403   403
approval POST /v1/decisions
                             401  403     403   403       200   none   none     403   403     403   403    403   403
approval POST /v1/requests/{request_id}/comments
                             401  403     403   403       201   404    404      403   403     403   403    403   403
approval GET /v1/agencies/own
                             401  403     403   403       200   none   404      403   403     403   403    403   403
approval GET /v1/agencies/own/rules
                             401  403     403   403       200   none   404      403   403     403   403    403   403
approval POST /v1/agencies/own/rules
                             401  403     403   403       403   403    403      403   403     403   403    403   403
approval POST /v1/agencies/own/rules/preview
                             401  403     403   403       403   403    403      403   403     403   403    403   403
approval POST /v1/agencies/own/rules/withdrawal
                             401  403     403   403       403   403    403      403   403     403   403    403   403
approval GET /v1/agencies/{code}/rules
                             401  403     403   403       200   404    404      200   200     200   404    200   403
provisioning GET /v1/requests/{request_id}/plan
                             401  403     403   403       200   404    404      200   200     200   404    200   403
provisioning GET /v1/requests/{request_id}/configuration
                             401  403     200   404       200   404    404      200   200     200   404    200   403
provisioning POST /v1/requests/{request_id}/retry
                             401  403     403   403       202   404    404      202   202     403   403    403   403
provisioning GET /v1/failures
                             401  403     403   403       200   none   none     200   200     200   none   200   403
provisioning GET /v1/drift
                             401  403     403   403       200   200    200      200   200     200   200    200   403
provisioning GET /v1/drift/report
                             401  403     403   403       200   200    200      200   200     200   200    200   403
provisioning GET /v1/drift/runs
                             401  403     403   403       403   403    403      200   200     403   403    403   403
provisioning POST /v1/drift/runs/{run_id}/release
                             401  403     403   403       403   403    403      404   404     403   403    403   403
provisioning POST /v1/requests/{request_id}/drift
                             401  403     403   403       409   404    404      403   403     403   403    403   403
provisioning GET /v1/confirmations
                             401  403     403   403       200   200    200      200   200     200   200    200   403
provisioning GET /v1/confirmations/report
                             401  403     403   403       200   200    200      200   200     200   200    200   403
provisioning POST /v1/confirmations
                             401  403     403   403       200   none   none     403   403     403   403    403   403
provisioning GET /v1/configurations
                             401  403     403   403       200   none   none     200   200     200   none   200   403
provisioning GET /v1/entitlements/{account}
                             401  403     200   404       200   404    404      200   200     200   404    200   403
provisioning GET /v1/tasks
                             401  403     403   403       200   none   none     200   none    403   403    403   403
provisioning GET /v1/tasks/bulk-changes
                             401  403     403   403       200   none   none     200   none    403   403    403   403
provisioning POST /v1/tasks/bulk-report
                             401  403     403   403       422   422    422      422   422     403   403    403   403
provisioning GET /v1/tasks/{task_id}
                             401  403     403   403       200   404    404      200   404     403   403    403   403
provisioning POST /v1/tasks/{task_id}/takeover
                             401  403     403   403       201   404    404      409   404     403   403    403   403
provisioning POST /v1/tasks/{task_id}/claim
                             401  403     403   403       201   404    404      409   404     403   403    403   403
provisioning POST /v1/tasks/{task_id}/completion
                             401  403     403   403       201   404    404      409   404     403   403    403   403
notification GET /v1/requests/{request_id}/notifications
                             401  403     200   404       200   404    404      200   200     200   404    200   403
notification GET /v1/notifications
                             401  403     403   403       200   none   none     200   200     403   403    403   403
notification GET /v1/templates
                             401  403     403   403       200   none   404      403   403     403   403    403   403
notification GET /v1/templates/{about}
                             401  403     403   403       200   none   404      403   403     403   403    403   403
notification GET /v1/templates/{about}/versions
                             401  403     403   403       200   200    404      403   403     403   403    403   403
notification PUT /v1/templates/{about}
                             401  403     403   403       200   none   404      403   403     403   403    403   403
notification POST /v1/templates/{about}/default
                             401  403     403   403       201   201    404      403   403     403   403    403   403
notification POST /v1/templates/{about}/preview
                             401  403     403   403       200   none   404      403   403     403   403    403   403
notification POST /v1/requests/{request_id}/notifications
                             401  403     403   403       409   404    404      403   403     403   403    403   403
notification GET /v1/notifications/{notification_id}/document
                             401  403     200   404       200   404    404      403   403     200   404    200   403
notification POST /v1/notifications/{notification_id}/dispatch
                             401  403     403   403       201   404    404      403   403     403   403    403   403
notification POST /v1/notifications/{notification_id}/resend
                             401  403     403   403       409   404    404      409   409     403   403    403   403
notification POST /v1/notifications/{notification_id}/assignment
                             401  403     403   403       201   404    404      403   403     403   403    403   403
notification DELETE /v1/notifications/{notification_id}/assignment
                             401  403     403   403       200   404    404      403   403     403   403    403   403
records GET /v1/records
                             401  403     403   403       200   none   none     403   403     200   none   200   403
records GET /v1/records/{request_id}
                             401  403     403   403       200   404    404      403   403     200   404    200   403
records GET /v1/records/{request_id}/changes
                             401  403     403   403       200   404    404      403   403     200   404    200   403
records GET /v1/records/{request_id}/bundle
                             401  403     403   403       200   404    404      403   403     200   404    200   403
records GET /v1/records/{request_id}/verification
                             401  403     403   403       200   404    404      403   403     200   404    200   403
records GET /v1/events/{event_id}/proof
                             401  403     403   403       200   404    404      403   403     200   404    200   200
records POST /v1/records/{request_id}/hold
                             401  403     403   403       201   404    404      403   403     201   404    201   403
records POST /v1/records/{request_id}/hold/release
                             401  403     403   403       201   404    404      403   403     201   404    201   403
records POST /v1/disposals
                             401  403     403   403       409   404    404      403   403     403   403    403   403
records POST /v1/disposals/{disposal_id}/decision
                             401  403     403   403       404   404    404      403   403     403   403    403   403
records GET /v1/disposals
                             401  403     403   403       none  none   none     403   403     none  none   none  403
records GET /v1/disposals/{disposal_id}
                             401  403     403   403       404   404    404      403   403     404   404    404   403
records GET /v1/conformance
                             401  403     403   403       200   404    404      403   403     200   404    200   403
records GET /v1/charter
                             401  403     403   403       200   404    404      200   200     200   404    200   403
records GET /v1/documents/{document_id}
                             401  403     403   403       200   404    404      403   403     200   404    200   403
records GET /v1/checkpoints/latest
                             401  403     200   200       200   200    200      200   200     200   200    200   200
records GET /v1/checkpoints/keys
                             401  403     200   200       200   200    200      200   200     200   200    200   200
records GET /v1/checkpoints/consistency
                             401  403     200   200       200   200    200      200   200     200   200    200   200
"""
PUBLIC = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/oauth2-redirect"}
CODES = {"POST /v1/status-lookups"}
"""What tells nothing without a code."""
SCAN = Path(__file__).parents[2] / "examples" / "documents" / "surat-kamal.pdf"
COLLEAGUE = "a.colleague@example.my"
SERVICES = ("intake", "approval", "provisioning", "notification", "records")


LISTS = tuple(f"/v1/operations/{of}" for of in ("parked", "dead-letters"))
COMMANDS = tuple(f"{path}/{{event_id}}/{does}" for path in LISTS for does in ("retry", "discard"))
OPERATORS = "401  403  403 403  403 403 403  {0} {0}  403 403 403  403"
"""What every service has for operators of any agency; no such event waits."""
OF_OPERATORS = {"event_id": "bmt.requests.v1:0:999999999"}


def rows() -> dict[str, list[str]]:
    lines = TABLE.strip().splitlines()
    found = {call: cells.split() for call, cells in zip(lines[::2], lines[1::2], strict=True)}
    for service in SERVICES:
        found |= {f"{service} GET {path}": OPERATORS.format(200).split() for path in LISTS}
        found |= {f"{service} POST {path}": OPERATORS.format(404).split() for path in COMMANDS}
    return found


ROWS = rows()
REPEATED = {row for row in ROWS if "/v1/operations/" in row and not row.startswith("records ")}
"""The same code and the same guard in each service: in the short form it is called of one."""


@dataclass
class Target:
    """What one call is about.

    Attributes:
        values: of the path's parameters.
        body: the JSON sent.
        options: further options of the call.
        tells: what a list of it mentions.
    """

    values: dict[str, str]
    body: Any = None
    options: dict[str, Any] | None = None
    tells: str = ""


@pytest.mark.parametrize("service", SERVICES)
async def test_no_route_is_without_a_row_and_none_without_a_guard(service):
    guarded, open_to_all = set(), set()
    for route in (await api_documents.application(service)).routes:
        if isinstance(route, Mount):
            assert route.path == "/static-docs"
            continue
        methods = sorted(route.methods - {"HEAD"})
        dependant = getattr(route, "dependant", None)
        guards = (
            [d for d in dependant.dependencies if isinstance(d.call, Guard)] if dependant else []
        )
        (guarded if guards else open_to_all).update(f"{method} {route.path}" for method in methods)
    assert open_to_all <= {f"GET {path}" for path in PUBLIC} | CODES
    assert guarded == {row.partition(" ")[2] for row in ROWS if row.startswith(f"{service} ")}


@pytest.fixture(scope="module")
async def accounts(ready, http) -> list[str]:
    return [await registered(http, ready, "jpa") for _ in range(4)]


@pytest.fixture(scope="module")
def minter(ready) -> Mint:
    return mint(ready["issuer"], Path(ready["data"]) / "issuer" / "key.json")


@pytest.fixture(scope="module")
def colleague(ready, http, minter) -> Caller:
    """Another administrator of JPA."""
    holder = Holder(COLLEAGUE, "Colleague", "JPA", ["administrator"])
    return Caller(http, ready, minter.token(holder))


@pytest.fixture(scope="module")
def callers(ready, http, minter, accounts) -> dict[str, Caller]:
    def caller(name: str) -> Caller:
        who = CALLERS[name]
        if who is None:
            return Caller(http, ready)
        role, agency = who
        subject = accounts[0] if name == "the applicant" else f"{name.replace(' ', '.')}@example.my"
        holder = Holder(subject, name, agency, [role] if role else [])
        return Caller(http, ready, minter.token(holder))

    return {name: caller(name) for name in CALLERS}


class Office:
    """Prepares what the calls are about, as JPA's administrator."""

    def __init__(self, admin: Caller, colleague: Caller) -> None:
        self.admin = admin
        self.colleague = colleague

    async def request(self, account: str, **changes: Any) -> str:
        body = {**body_for(account), **changes}
        answer = await self.admin.post("intake", "/v1/requests", body)
        assert answer.status_code == 201, answer.text
        request_id = str(answer.json()["request_id"])
        await self.admin.once_known("approval", f"/v1/requests/{request_id}")
        return request_id

    async def decided(self, account: str, decision: str = "approve") -> str:
        request_id = await self.request(account)
        exception = {"exception_reason": "Ujian"} if decision == "approve" else {}
        answer = await self.admin.decide(request_id, decision, reason="Ujian", **exception)
        assert answer.status_code == 201, answer.text
        return request_id

    async def task(self, request_id: str) -> str:
        async def opened() -> str:
            answer = await self.admin.get("provisioning", "/v1/tasks", params={"limit": 200})
            (task,) = [one for one in answer.json()["items"] if one["request_id"] == request_id]
            return str(task["task_id"])

        return await eventually(_asserting(opened), SECONDS)

    async def failed(self) -> str:
        """A request whose account would have the name of the storage's own administrator."""
        request_id = await self.decided("admin")

        async def listed() -> None:
            answer = await self.admin.get("provisioning", "/v1/failures", params={"limit": 200})
            assert request_id in answer.text

        await eventually(listed, SECONDS)
        return request_id

    async def claimed(self, task_id: str) -> str:
        """The task, which a colleague has."""
        answer = await self.colleague.post("provisioning", f"/v1/tasks/{task_id}/claim")
        assert answer.status_code == 201, answer.text
        return task_id

    async def document(self) -> str:
        answer = await self.admin.upload(uuid.uuid4().bytes.hex().encode())
        assert answer.status_code == 201, answer.text
        return str(answer.json()["document_id"])

    async def complete(self, task_id: str) -> None:
        body = {"evidence": [await self.document()], "note": "Siap"}
        answer = await self.admin.post("provisioning", f"/v1/tasks/{task_id}/completion", body)
        assert answer.status_code == 201, answer.text

    async def inbox_item(self) -> str:
        answer = await self.admin.post("intake", "/v1/emails", **letter())
        assert answer.status_code == 202, answer.text
        return str(answer.json()["inbox_item_id"])


def _asserting(look: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    async def asserted() -> Any:
        try:
            return await look()
        except ValueError as error:
            raise AssertionError(str(error)) from error

    return asserted


def body_for(account: str) -> dict[str, Any]:
    body = application(account, agency="JPA", reply_through="form")
    if "@" not in account:
        body["applicant"]["email"] = "pemohon@jpa.gov.my"
    return body


def letter() -> dict[str, Any]:
    message = f"Subject: Pertanyaan {uuid.uuid4()}\r\nFrom: a@example.my\r\n\r\nSelamat pagi.\r\n"
    return {"content": message.encode(), "headers": {"Content-Type": "message/rfc822"}}


@pytest.fixture(scope="module")
async def targets(ready, callers, colleague, accounts) -> dict[str, Target]:
    began = now().isoformat()
    office = Office(callers["administrator of JPA"], colleague)
    admin, (own, *others) = office.admin, accounts
    filed = await office.decided(own)
    await office.complete(await office.task(filed))
    waiting = [await office.decided(account) for account in others[:2]]
    tasks = [await office.task(request_id) for request_id in waiting]
    taken = await office.claimed(await office.task(await office.decided(others[2])))
    failed = await office.failed()
    items = [await office.inbox_item() for _ in range(3)]
    item = (await admin.get("intake", f"/v1/inbox/{items[0]}")).json()
    read = await office.request(own, documents=[item["document_id"]])
    withdrawn, ruled, many, held = [await office.request(own) for _ in range(4)]
    corrected = await office.decided(own, "return")
    await admin.once_known("provisioning", f"/v1/entitlements/{own}")
    notices = await eventually(lambda: _prepared(admin, filed), SECONDS)
    paper = notices["document_id"]
    await admin.once_known("records", f"/v1/documents/{paper}")
    record = (await admin.get("records", f"/v1/records/{filed}")).json()
    event_id = record["events"][0]["id"]

    def request(request_id: str, body: Any = None, **more: Any) -> Target:
        return Target({"request_id": request_id}, body, **more)

    words = (await admin.get("notification", "/v1/templates/rejected")).json()["words"]
    submitted = await of_hrmis(ready)
    unread = (await eventually(lambda: _prepared(admin, read), SECONDS))["notification_id"]
    scan = {
        "content": SCAN.read_bytes(),
        "headers": {
            "Content-Type": "application/pdf",
            "Content-Disposition": 'attachment; filename="imbasan.pdf"',
        },
    }
    upload = {
        "content": b"nota",
        "headers": {
            "Content-Type": "text/plain",
            "Content-Disposition": 'attachment; filename="nota.txt"',
        },
    }
    notice = Target({"notification_id": notices["notification_id"]})
    everything = {"params": {"limit": 200}}
    return {
        **{f"{service} GET {path}": Target({}) for service in SERVICES for path in LISTS},
        **{
            f"{service} POST {path}": Target(OF_OPERATORS, {"reason": "x"})
            for service in SERVICES
            for path in COMMANDS
        },
        "intake POST /v1/documents": Target({}, options=upload),
        "intake GET /v1/document-limits": Target({}),
        "intake POST /v1/requests": Target({}, body_for(own)),
        "intake POST /v1/request-checks": Target({}, body_for(own)),
        "intake GET /v1/sizes": Target({}),
        "intake GET /v1/accounts/{account}": Target({"account": "lim.jpa@mygovuc.gov.my"}),
        "intake GET /v1/requests": Target({}, options=everything, tells=read),
        "intake GET /v1/requests/{request_id}": request(read),
        "intake GET /v1/requests/{request_id}/live": request(
            read, options={"params": {"steps": 0, "seconds": 1}}
        ),
        "intake GET /v1/requests/{request_id}/submission": request(read),
        "intake GET /v1/requests/{request_id}/documents/{document_id}": Target(
            {"request_id": read, "document_id": item["document_id"]}
        ),
        "intake POST /v1/requests/{request_id}/withdrawal": request(withdrawn, {"reason": "x"}),
        "intake POST /v1/requests/{request_id}/correction": request(corrected, body_for(own)),
        "intake POST /v1/emails": Target({}, options=letter()),
        "intake GET /v1/forms/{kind}.pdf": Target(
            {"kind": "application"}, options={"params": {"agency": "JPA"}}
        ),
        "intake POST /v1/scans": Target({}, options=scan),
        "intake GET /v1/inbox": Target({}, options=everything, tells=items[0]),
        "intake GET /v1/inbox/{inbox_item_id}": Target({"inbox_item_id": items[0]}),
        "intake GET /v1/inbox/{inbox_item_id}/text": Target({"inbox_item_id": items[0]}),
        "intake GET /v1/inbox/{inbox_item_id}/documents/{document_id}": Target(
            {"inbox_item_id": items[0], "document_id": item["document_id"]}
        ),
        **both(
            "intake", "/v1/inbox/{inbox_item_id}/assignment", Target({"inbox_item_id": items[0]})
        ),
        **both("approval", "/v1/requests/{request_id}/assignment", request(read)),
        **both("notification", "/v1/notifications/{notification_id}/assignment", notice),
        "intake POST /v1/inbox/{inbox_item_id}/registration": Target(
            {"inbox_item_id": items[1]}, body_for(others[2])
        ),
        "intake POST /v1/inbox/{inbox_item_id}/dismissal": Target(
            {"inbox_item_id": items[2]}, {"reason": "x"}
        ),
        "intake GET /v1/submissions": Target({}, options=everything, tells=submitted),
        "intake GET /v1/submissions/{submission_id:text}": Target({"submission_id": submitted}),
        "approval POST /v1/requests/{request_id}/comments": request(read, {"text": "Disemak."}),
        "approval GET /v1/agencies/own": Target({}, tells="JPA-"),
        "approval GET /v1/agencies/own/rules": Target({}, tells="JPA-"),
        "approval POST /v1/agencies/own/rules": Target({}, {}),
        "approval POST /v1/agencies/own/rules/preview": Target({}, {}),
        "approval POST /v1/agencies/own/rules/withdrawal": Target({}, {}),
        "approval GET /v1/agencies/{code}/rules": Target({"code": "JPA"}),
        "approval GET /v1/worklist": Target({}, options=everything, tells=read),
        "approval GET /v1/worklist/counts": Target({}, tells='"open":'),
        "approval GET /v1/worklist/live": Target(
            {}, options={"params": {"since": began, "seconds": 1}}, tells="event:changed"
        ),
        "approval GET /v1/requests": Target({}, options=everything, tells=read),
        "approval GET /v1/requests/{request_id}": request(read),
        "approval GET /v1/requests/{request_id}/live": request(
            read, options={"params": {"steps": 0, "seconds": 1}}
        ),
        "approval GET /v1/requests/{request_id}/documents/{document_id}": Target(
            {"request_id": read, "document_id": item["document_id"]}
        ),
        "approval POST /v1/requests/{request_id}/decision": request(
            ruled, {"decision": "reject", "reason": "x"}
        ),
        "approval POST /v1/requests/{request_id}/hold": request(held),
        "approval POST /v1/decisions": Target(
            {},
            {"items": [{"request_id": many, "decision": "reject", "reason": "x"}]},
            tells='"status":201',
        ),
        "provisioning GET /v1/requests/{request_id}/plan": request(waiting[0]),
        "provisioning GET /v1/requests/{request_id}/configuration": request(filed),
        "provisioning POST /v1/requests/{request_id}/retry": request(waiting[0]),
        "provisioning GET /v1/failures": Target({}, options=everything, tells=failed),
        "provisioning GET /v1/configurations": Target({}, options=everything, tells=waiting[0]),
        **dict.fromkeys(
            (f"provisioning GET /v1/drift{part}" for part in ("", "/report", "/runs")), Target({})
        ),
        "provisioning POST /v1/drift/runs/{run_id}/release": Target(
            {"run_id": filed}, {"reason": "x"}
        ),
        "provisioning POST /v1/requests/{request_id}/drift": request(
            filed, {"decision": "accept", "reason": "x"}
        ),
        **dict.fromkeys(
            (f"provisioning GET /v1/confirmations{part}" for part in ("", "/report")), Target({})
        ),
        "provisioning POST /v1/confirmations": Target(
            {},
            {"request_ids": [filed], "decision": "confirm", "reason": "x"},
            tells="no_confirmation",
        ),
        "provisioning GET /v1/entitlements/{account}": Target({"account": own}),
        "provisioning GET /v1/tasks": Target({}, options=everything, tells=tasks[0]),
        "provisioning GET /v1/tasks/bulk-changes": Target({}, tells=tasks[0]),
        "provisioning POST /v1/tasks/bulk-report": Target({}, {"document_id": item["document_id"]}),
        "provisioning GET /v1/tasks/{task_id}": Target({"task_id": tasks[0]}),
        "provisioning POST /v1/tasks/{task_id}/takeover": Target(
            {"task_id": taken}, {"claimed_by": COLLEAGUE, "reason": "x"}
        ),
        "provisioning POST /v1/tasks/{task_id}/claim": Target({"task_id": tasks[0]}),
        "provisioning POST /v1/tasks/{task_id}/completion": Target(
            {"task_id": tasks[1]}, {"evidence": [item["document_id"]], "note": "x"}
        ),
        "notification GET /v1/requests/{request_id}/notifications": request(filed),
        "notification GET /v1/notifications": Target({}, options=everything, tells=unread),
        "notification GET /v1/templates": Target({}, options=everything, tells='"agency":"JPA"'),
        "notification GET /v1/templates/{about}": Target(
            {"about": "rejected"}, tells='"agency":"JPA"'
        ),
        "notification GET /v1/templates/{about}/versions": Target({"about": "rejected"}),
        "notification PUT /v1/templates/{about}": Target(
            {"about": "rejected"},
            {"words": words, "why": "x", "version": 0},
            tells='"agency":"JPA"',
        ),
        "notification POST /v1/templates/{about}/default": Target(
            {"about": "returned"}, {"why": "x", "version": 0}
        ),
        "notification POST /v1/templates/{about}/preview": Target(
            {"about": "rejected"}, {"words": words}, tells="[BMT-JPA-"
        ),
        "notification POST /v1/requests/{request_id}/notifications": request(
            filed, {"reason": "x"}
        ),
        "notification GET /v1/notifications/{notification_id}/document": notice,
        "notification POST /v1/notifications/{notification_id}/dispatch": notice,
        "notification POST /v1/notifications/{notification_id}/resend": notice,
        "records GET /v1/records": Target({}, options=everything, tells=filed),
        "records GET /v1/records/{request_id}": request(filed),
        "records GET /v1/records/{request_id}/changes": request(
            filed, options={"params": {"from": 0}}
        ),
        "records GET /v1/records/{request_id}/bundle": request(filed),
        "records GET /v1/records/{request_id}/verification": request(filed),
        "records GET /v1/events/{event_id}/proof": Target({"event_id": event_id}),
        "records POST /v1/records/{request_id}/hold": request(filed, {"reason": "x"}),
        "records POST /v1/records/{request_id}/hold/release": request(filed, {"reason": "x"}),
        "records POST /v1/disposals": Target({}, {"account": own, "reason": "x"}),
        "records POST /v1/disposals/{disposal_id}/decision": Target(
            {"disposal_id": "none-was-proposed"}, {"decision": "approved"}
        ),
        "records GET /v1/disposals": Target({}, options=everything, tells=filed),
        "records GET /v1/disposals/{disposal_id}": Target({"disposal_id": "none-was-proposed"}),
        **dict.fromkeys(
            ("records GET /v1/conformance", "records GET /v1/charter"),
            Target(
                {}, options={"params": {"agency": "JPA", "from": "2020-01-01", "to": "2100-01-01"}}
            ),
        ),
        "records GET /v1/documents/{document_id}": Target({"document_id": paper}),
        "records GET /v1/checkpoints/latest": Target({}),
        "records GET /v1/checkpoints/keys": Target({}),
        "records GET /v1/checkpoints/consistency": Target(
            {}, options={"params": {"from": 0, "to": 0}}
        ),
    }


def both(service: str, path: str, target: Target) -> dict[str, Target]:
    """Of taking and of giving back."""
    return {f"{service} {method} {path}": target for method in ("POST", "DELETE")}


async def of_hrmis(ready) -> str:
    """A submission of another integrator, which was refused."""
    event_id = uuid.uuid4().hex
    async with AIOKafkaProducer(**as_principal(ready, "hrmis")) as producer:
        headers = [("ce_id", event_id.encode())]
        await producer.send_and_wait("bmt.inbound.hrmis.v1", b"{}", headers=headers)
    async with Observer(ready, "bmt.outbound.hrmis.v1") as observer:
        await observer.until(lambda said: _among(event_id, said))
    return event_id


def _among(event_id: str, records: list[Any]) -> None:
    assert event_id.encode() in [record.key for record in records]


async def _prepared(admin: Caller, request_id: str) -> dict[str, Any]:
    answer = await admin.get("notification", f"/v1/requests/{request_id}/notifications")
    assert answer.status_code == 200
    found = [one for one in answer.json()["items"] if one["status"] == "prepared"]
    assert found
    return found[0]


async def made(caller: Caller, row: str, target: Target) -> httpx.Response:
    service, method, template = row.split()
    path, options = template.replace(":text", "").format(**target.values), target.options or {}
    if method == "GET":
        return await caller.get(service, path, **options)
    return await caller.post(service, path, target.body, method=method, **options)


def seen(answer: httpx.Response, target: Target) -> str:
    tells = not target.tells or target.tells in answer.text.replace(": ", ":")
    return str(answer.status_code) if answer.status_code != 200 or tells else "none"


@pytest.mark.parametrize(
    "row", [pytest.param(row, marks=only_long if row in REPEATED else ()) for row in ROWS]
)
async def test_who_may_make_this_call(callers, targets, row):
    target = targets[row]
    calls = [made(caller, row, target) for caller in callers.values()]
    # What changes nothing is asked by all at once: a stream of changes lasts a second.
    reads = row.split()[1] == "GET"
    answers = await asyncio.gather(*calls) if reads else [await call for call in calls]
    found = dict(zip(CALLERS, [seen(answer, target) for answer in answers], strict=True))
    allowed = dict(zip(CALLERS, ROWS[row], strict=True))
    assert {who: one for who, one in found.items() if one not in allowed[who].split("|")} == {}


@pytest.mark.parametrize("path", sorted(PUBLIC - {"/docs/oauth2-redirect"}))
async def test_what_everybody_may_see_says_nothing_of_anybody(callers, accounts, path):
    for service in SERVICES:
        answer = await callers["nobody"].get(service, path)
        assert answer.status_code == 200
        assert not any(account in answer.text for account in accounts)
