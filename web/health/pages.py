"""The operators' page: what works and since when, what waits, and what an operator can do about it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import APIRouter, Depends
from prometheus_client import generate_latest
from pydantic import BaseModel
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Id, Page
from bmt.contracts.http.operations import (
    DeadLetter,
    DiscardEvent,
    OperationAccepted,
    ParkedEvent,
    RetryEvent,
)
from bmt.contracts.http.provisioning import Failure, RetryAccepted, RetryOrder
from bmt.contracts.problems import Refused
from bmt.findings import SERVICES, STATISTICS, WEB, System
from web import figures
from web.clients import Address, ServiceClients, ServiceName, VisitorClient, address
from web.forms import Form, SubmittedForm, new_key, refusal, validated
from web.health import wording
from web.ports import Admitted, Ports, Visit
from web.site import Area

SHOWN: Final = 50
"""How many items of each list the page shows; the commands show more."""

List = Literal["parked", "dead-letters"]
M = TypeVar("M", bound=BaseModel)
Operator = Annotated[Visit, Depends(Admitted("operator"))]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Waiting:
    """The lists, each item with its service; `unread` are services whose lists cannot be read now."""

    parked: Sequence[tuple[ServiceName, ParkedEvent]]
    letters: Sequence[tuple[ServiceName, DeadLetter]]
    failures: Sequence[Failure]
    unread: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Typed:
    """A form that was refused, with what was typed in it; `about` names the item."""

    about: str
    reason: str
    refused: Refused
    key: str


@router.get("/")
async def health(visit: Operator, done: str | None = None) -> Response:
    return await _page(visit, done=done)


@router.get("/failures/{request_id}")
@router.get("/{of}/{service}/{event_id}")
async def forms(visit: Operator) -> Response:
    """They stand on the page."""
    return visit.redirect(f"{AREA.prefix}/")


@router.post("/failures/{request_id}")
async def retry_configuration(visit: Operator, request_id: Id, form: Form) -> Response:
    path = address("requests", request_id, "retry")
    service: ServiceName = "provisioning"
    return await _send_order(visit, form, (service, path, RetryOrder, RetryAccepted), request_id)


@router.post("/{of}/{service}/{event_id}")
async def operate(
    visit: Operator, of: List, service: ServiceName, event_id: Id, form: Form
) -> Response:
    """Retry an event or give it up: the form's button says which."""
    action = "discard" if form.text("do") == "discard" else "retry"
    body = DiscardEvent if action == "discard" else RetryEvent
    path = address("operations", of, event_id, action)
    about = f"{of}/{service}/{event_id}"
    return await _send_order(visit, form, (service, path, body, OperationAccepted), about)


async def _send_order(
    visit: Visit,
    form: SubmittedForm,
    call: tuple[ServiceName, Address, type[BaseModel], type[BaseModel]],
    about: str,
) -> Response:
    """Makes the form's call and redirects to the page; a refused form keeps what was typed."""
    service, path, body_model, answer_model = call
    reason = form.text("reason").strip()
    try:
        needs_reason = body_model is not RetryEvent
        body = validated(body_model, {"reason": reason if reason or needs_reason else None})
        await visit.client.post(service, path, body.model_dump(mode="json"), answer_model, form.key)
    except (Refused, Unavailable) as error:
        refused = refusal(error)
        return await _page(visit, Typed(about, reason, refused, form.key_after(refused)))
    done = "discarded" if body_model is DiscardEvent else "retried"
    return visit.redirect(f"{AREA.prefix}/?done={done}")


async def _page(visit: Visit, typed: Typed | None = None, done: str | None = None) -> Response:
    # This comes first: listing dead letters updates the metric that counts them.
    waiting = await _waiting(visit.client)
    metrics = await _metrics_of_all(visit.here)
    system = System(metrics, visit.here.clock())
    return visit.page(
        "health.html",
        system=system,
        found=system.findings(),
        waiting=waiting,
        shown=SHOWN,
        typed=typed,
        refused=typed.refused if typed else None,
        done=done if done in wording.DONE else None,
        key=new_key(),
        now=system.now,
    )


async def _metrics_of_all(here: Ports) -> Mapping[str, str | None]:
    """The metrics of each process, read at the same time; None: it does not answer."""
    names = [*SERVICES, *([STATISTICS] if here.clients.knows(STATISTICS) else [])]
    metrics = await asyncio.gather(*(_metrics(here.clients, name) for name in names))
    own = generate_latest(here.registry).decode()
    return {**dict(zip(names, metrics, strict=True)), WEB: own}


async def _metrics(clients: ServiceClients, name: str) -> str | None:
    try:
        answer = await clients.operational(name, "/metrics")
    except Unavailable:
        return None
    return answer.text if answer.is_success else None


async def _waiting(client: VisitorClient) -> Waiting:
    services: Sequence[Any] = SERVICES
    params = {"limit": SHOWN}
    parked, letters, failures = await asyncio.gather(
        asyncio.gather(*(_listed(client, one, "parked", ParkedEvent) for one in services)),
        asyncio.gather(*(_listed(client, one, "dead-letters", DeadLetter) for one in services)),
        _read(client, "provisioning", address("failures"), Failure, params),
    )
    lists = [*zip(services, parked, strict=True), *zip(services, letters, strict=True)]
    unread = [name for name, found in lists if found is None]
    unread += ["provisioning"] if failures is None else []
    return Waiting(
        sorted(_each(services, parked), key=lambda one: one[1].parked_at),
        sorted(_each(services, letters), key=lambda one: one[1].refused_at, reverse=True),
        failures or (),
        list(dict.fromkeys(unread)),
    )


def _each(
    services: Sequence[ServiceName], found: Sequence[Sequence[M] | None]
) -> list[tuple[ServiceName, M]]:
    return [(name, one) for name, some in zip(services, found, strict=True) for one in some or ()]


async def _listed(
    client: VisitorClient, service: ServiceName, of: List, model: type[M]
) -> Sequence[M] | None:
    return await _read(client, service, address("operations", of), model, {"limit": SHOWN})


async def _read(
    client: VisitorClient, service: ServiceName, path: Address, model: type[M], params: Any
) -> Sequence[M] | None:
    """The list's first items; None: the service does not answer."""
    try:
        page: Any = await client.get(service, path, Page[model], params)  # type: ignore[valid-type]
    except Unavailable:
        return None
    found: Sequence[M] = page.items
    return found


AREA: Final = Area(
    "/health",
    Path(__file__).parent,
    [router, figures.router("operator")],
    roles=("operator",),
    always={"wording": wording},
    scripts=True,
)
