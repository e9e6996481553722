"""What is answered directly means the same as what FastAPI answers, to the byte."""

import json
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, Request
from parcel_api import Owner, Parcel, calling

from bmt.chassis.errors import CausationReused, StoreUnavailable
from bmt.chassis.http.bodies import JsonResponse
from bmt.chassis.http.routes import CommandContext, api_router, command
from bmt.contracts.problems import Refused

Commanding = Annotated[CommandContext, Depends(command("operator"))]
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

RAISES = {
    "refused": Refused("No.", problem="forbidden", extra={"why": "so"}),
    "away": StoreUnavailable(retry_after_seconds=7),
    "reused": CausationReused("cmd:1"),
    "broken": RuntimeError("the secret is 42"),
}


def answered(parcel: Parcel, context: CommandContext) -> JsonResponse:
    for label in parcel.labels:
        if label in RAISES:
            raise RAISES[label]
    told = {"kilograms": parcel.kilograms, "causation": context.causation}
    return JsonResponse(told, 201, {"Location": "/v1/parcels/1"})


@pytest.fixture
def both(app_of) -> httpx.AsyncClient:
    """The same call at `/v1/direct`, and at `/v1/routed`, which FastAPI answers as it asks for more."""
    routes = api_router()

    @routes.post("/v1/direct", status_code=201, response_model=Parcel)
    async def direct(parcel: Parcel, context: Commanding) -> JsonResponse:
        return answered(parcel, context)

    @routes.post("/v1/routed", status_code=201, response_model=Parcel)
    async def routed(_: Request, parcel: Parcel, context: Commanding) -> JsonResponse:
        return answered(parcel, context)

    assert [route.is_direct for route in routes.routes] == [True, False]
    return calling(app_of(routes))


def body(**changes: Any) -> bytes:
    owner = Owner(email="siti@example.my").model_dump()
    return json.dumps({"owner": owner, "kilograms": 3, **changes}).encode()


CALLS = {
    "right": (body(), {}),
    "no key": (body(), {"Idempotency-Key": ""}),
    "bad key": (body(), {"Idempotency-Key": "a b"}),
    "no token": (body(), {"Authorization": ""}),
    "bad token": (body(), {"Authorization": "Bearer nonsense"}),
    "no body": (b"", {}),
    "null": (b"null", {}),
    "a list": (b"[]", {}),
    "a text": (b'"parcel"', {}),
    "not JSON": (b"{", {}),
    "NaN": (body().replace(b"3", b"NaN"), {}),
    "not UTF-8": (body().replace(b"siti", b"\xff"), {}),
    "a name twice": (b'{"kilograms": 1, ' + body()[1:], {}),
    "a name twice within": (body().replace(b'"email"', b'"email": "a:b", "email"'), {}),
    "a name twice, and a colon less": (
        b'{"kilograms": 1, ' + body(labels=["_"])[1:].replace(b"_", rb"\u003a"),
        {},
    ),
    "an escape": (body(labels=["caf\u00e9"]), {}),
    "a colon in a text": (body(labels=["a:b", "c"]), {}),
    "too deep": (b'{"a":' * 40 + b"1" + b"}" * 40, {}),
    "too large": (body(labels=["x" * 1024 * 1024]), {}),
    "all wrong": (b'{"owner": {"email": 1, "x": 1}, "kilograms": 31, "y": 1}', {}),
    "missing": (b"{}", {}),
    "another type": (body(), {"Content-Type": "text/plain"}),
    "a JSON type": (body(), {"Content-Type": "application/vnd.parcel+json; charset=utf-8"}),
    "no type": (body(), {"Content-Type": ""}),
    **{name: (body(labels=[name]), {}) for name in RAISES},
}


RIGHT = {"right", "an escape", "a colon in a text", "a JSON type", "no type"}


@pytest.mark.parametrize("name", CALLS)
async def test_it_is_answered_as_by_fastapi(both, operator, name):
    content, changes = CALLS[name]
    headers = operator | {"traceparent": TRACEPARENT} | changes
    headers = {name: value for name, value in headers.items() if value}
    direct = await both.post("/v1/direct", content=content, headers=headers)
    routed = await both.post("/v1/routed", content=content, headers=headers)
    assert direct.content == routed.content
    assert (direct.status_code, direct.headers) == (routed.status_code, routed.headers)
    assert (direct.status_code == 201) == (name in RIGHT)


async def test_other_methods_are_told_those_that_there_are(both, operator):
    answer = await both.get("/v1/direct", headers=operator)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
