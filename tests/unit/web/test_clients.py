"""The pages' calls of the services: under the visitor's token, and refused as those services refuse."""

import httpx
import pytest
from pydantic import BaseModel
from starlette.requests import Request

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.contracts.problems import Refused
from web import session
from web.clients import ServiceClients, address
from web.login import SignInFirst

SIGNED_IN = session.Session(
    Principal("siti", "", "Siti", "MAMPU", frozenset()), "the-token", "", is_active=None
)


class Told(BaseModel):
    said: str


def visitor_client(answers, signed_in=SIGNED_IN):
    service_clients = ServiceClients(
        {"intake": "http://intake/", "provisioning": ""}, httpx.MockTransport(answers)
    )
    request = Request({"type": "http"})
    session.put(request, signed_in)
    return service_clients.visitor_client(request)


def problem(name, status, **more):
    body = {"type": f"urn:bmt:problem:{name}", "title": name, "status": status, "detail": name}
    return httpx.Response(status, json={**body, **more})


async def test_a_call_bears_the_visitors_token_and_leaves_out_what_was_not_asked():
    def answers(call):
        assert call.headers["authorization"] == "Bearer the-token"
        assert str(call.url) == "http://intake/v1/inbox?status=waiting"
        return httpx.Response(200, json={"said": "yes"})

    asked = {"status": "waiting", "cursor": None}
    assert (
        await visitor_client(answers).get("intake", address("inbox"), Told, asked)
    ).said == "yes"


@pytest.mark.parametrize(
    "step",
    [
        "",
        ".",
        "..",
        "../requests",
        "a/claim",
        "a?limit=1",
        "a#b",
        "a%2Fb",
        "a\0",
        "a b",
        "é",
        "x" * 201,
    ],
)
def test_what_is_no_id_leads_to_no_call(step):
    with pytest.raises(Refused) as refused:
        address("tasks", step, "claim")
    assert refused.value.problem == "not_found"


async def test_a_refusal_is_told_as_the_service_tells_it():
    fault = {"pointer": "/applicant/email", "detail": "An address is needed."}
    told = {"allowed": ["form"], "code": "approved_before", "values": {"given": 1}}
    refusal = problem("validation_failed", 422, errors=[fault], **told)
    with pytest.raises(Refused) as refused:
        await visitor_client(lambda _: refusal).get("intake", address("x"), Told)
    assert refused.value.problem == "validation_failed"
    assert [one.pointer for one in refused.value.errors] == ["/applicant/email"]
    assert refused.value.extra == told


@pytest.mark.parametrize(
    "answer",
    [
        problem("unavailable", 503),
        problem("internal", 500),
        problem("never_heard_of", 418),
        httpx.Response(502, text="<html>"),
        httpx.Response(200, json={"other": 1}),
    ],
)
async def test_an_answer_that_is_none_makes_the_service_unavailable(answer):
    with pytest.raises(Unavailable) as away:
        await visitor_client(lambda _: answer).get("intake", address("x"), Told)
    assert away.value.part == "intake"


async def test_a_token_that_ran_out_asks_to_sign_in_again():
    with pytest.raises(SignInFirst):
        await visitor_client(lambda _: problem("unauthenticated", 401)).get(
            "intake", address("x"), Told
        )


def test_who_has_no_session_is_asked_to_sign_in():
    with pytest.raises(SignInFirst):
        visitor_client(None, None)


async def events(answer):
    client = visitor_client(lambda _: answer)
    return [one.said async for one in client.events("intake", address("x"), Told)]


async def test_events_are_read_and_comments_are_not():
    text = ': open\nretry: 500\n\nevent: changed\ndata: {"said": "1"}\n\n: ping\n\ndata: {"said": "2"}\n\n'
    assert await events(httpx.Response(200, text=text)) == ["1", "2"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (problem("not_found", 404), Refused),
        (problem("unauthenticated", 401), SignInFirst),
        (httpx.Response(502), Unavailable),
        (httpx.Response(200, text="data: {}\n\n"), Unavailable),
    ],
)
async def test_events_that_cannot_be_had_are_refused_as_any_call(answer, error):
    with pytest.raises(error):
        await events(answer)
