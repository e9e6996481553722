"""A small API on the chassis, to try it with."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import httpx
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from bmt.chassis.errors import CausationReused, StoreUnavailable
from bmt.chassis.http.auth import Principal, principal, require
from bmt.chassis.http.routes import (
    CommandContext,
    Page,
    PageRequest,
    Paging,
    answer,
    api_router,
    command,
    problems,
)
from bmt.chassis.runtime.settings import ServiceSettings
from bmt.contracts.problems import Refused
from evaluation.ports import any_free_port


class Owner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    email: str = Field(pattern=r"^[^@ ]+@[^@ ]+$")


class Parcel(BaseModel):
    model_config = ConfigDict(extra="forbid")
    owner: Owner
    kilograms: int = Field(ge=1, le=30)
    labels: list[str] = []


class AlreadySent(Refused):
    problem = "already_decided"


@dataclass
class Desk:
    """Stands in for an execution: remembers causations, and what it should answer."""

    commands: dict[str, CommandContext] = field(default_factory=dict)
    fails_with: Exception | None = None

    def execute(self, context: CommandContext) -> "Executed":
        if self.fails_with is not None:
            raise self.fails_with
        known = self.commands.setdefault(context.causation, context)
        if known.fingerprint != context.fingerprint:
            raise CausationReused(context.causation)
        return Executed(replayed=known is not context)


@dataclass(frozen=True)
class Executed:
    replayed: bool


by_number = Paging(tuple[int, str])


class ParcelSettings(ServiceSettings):
    service: ClassVar[str] = "parcels"


def parcel_settings() -> ParcelSettings:
    """Those of a process that is never asked for what they name."""
    return ParcelSettings(
        port=any_free_port(),
        kafka_bootstrap_servers="127.0.0.1:1",
        mongodb_uri="mongodb://127.0.0.1:1",
        issuer="http://127.0.0.1:1",
        agencies_file="agencies.yaml",
    )


def calling(app: FastAPI) -> httpx.AsyncClient:
    """A client of the application, in this process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://parcels")


def parcel_routes(desk: Desk) -> APIRouter:
    routes = api_router()

    @routes.post("/v1/parcels", status_code=201, responses=problems("already_decided"))
    async def send(
        parcel: Parcel, context: Annotated[CommandContext, Depends(command("operator"))]
    ) -> Parcel:
        return answer(desk.execute(context), parcel, 201, {"Location": "/v1/parcels/1"})

    @routes.post("/v1/letters", status_code=201)
    async def write(context: Annotated[CommandContext, Depends(command())]) -> dict[str, str]:
        return answer(desk.execute(context), {"by": context.principal.subject}, 201)

    @routes.post("/v1/scans", status_code=201, max_body_size=2 * 1024 * 1024)
    async def scan(
        request: Request, context: Annotated[CommandContext, Depends(command(streamed=True))]
    ) -> dict[str, int]:
        size = sum([len(chunk) async for chunk in request.stream()])
        return answer(desk.execute(context), {"size_bytes": size}, 201)

    @routes.get("/v1/parcels")
    async def parcels(
        page: Annotated[PageRequest[tuple[int, str]], Depends(by_number)],
    ) -> Page[tuple[int, str]]:
        every = [(number // 2, f"p{number:03}") for number in range(120)]
        found = [key for key in every if page.after is None or key > page.after]
        return by_number.page(found[: page.lookahead], page, key=lambda item: item)

    @routes.get("/v1/shelves")
    async def shelves(
        caller: Annotated[Principal, Depends(principal)],
        page: Annotated[PageRequest[tuple[int, str]], Depends(by_number)],
        of: Annotated[list[str] | None, Query()] = None,
    ) -> dict[str, int]:
        return {"limit": page.limit, "of": len(of or ())}

    @routes.get("/v1/me")
    async def me(caller: Annotated[Principal, Depends(principal)]) -> dict[str, str]:
        return {"subject": caller.subject, "name": caller.name, "agency": caller.agency}

    @routes.get("/v1/audit", dependencies=[Depends(require("auditor"))])
    async def audit() -> dict[str, str]:
        return {}

    @routes.get("/v1/broken")
    async def broken() -> dict[str, str]:
        raise RuntimeError("the secret is 42")

    @routes.get("/v1/away")
    async def away() -> dict[str, str]:
        raise StoreUnavailable(retry_after_seconds=7)

    return routes
