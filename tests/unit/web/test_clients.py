"""The pages' calls of the services: under the visitor's token, and refused as those services refuse."""

import httpx
import pytest
from console_pages import VISITOR, problem
from pydantic import BaseModel
from starlette.requests import Request

from bmt.chassis.errors import Unavailable
from bmt.contracts.problems import Refused
from web import session
from web.clients import ServiceClients, address
from web.login import SignInFirst

SIGNED_IN = session.Session(VISITOR, "the-token", "", is_active=None)


class Told(BaseModel):
    said: str


def visitor_client(answers, signed_in=SIGNED_IN):
    answer = answers if callable(answers) else lambda _: answers
    clients = ServiceClients(
        {"intake": "http://intake/", "provisioning": ""}, httpx.MockTransport(answer)
    )
    request = Request({"type": "http"})
    session.put(request, signed_in)
    return clients.visitor_client(request)


async def got(answers, asked=None):
    return await visitor_client(answers).get("intake", address("inbox"), Told, asked)


async def events(answer):
    client = visitor_client(answer)
    return [one.said async for one in client.events("intake", address("x"), Told)]


async def test_a_call_bears_the_visitors_token_and_leaves_out_what_was_not_asked():
    def answers(call):
        assert call.headers["authorization"] == "Bearer the-token"
        assert str(call.url) == "http://intake/v1/inbox?status=waiting"
        return httpx.Response(200, json={"said": "yes"})

    assert (await got(answers, {"status": "waiting", "cursor": None})).said == "yes"


@pytest.mark.parametrize(
    "step",
    [
        *("", ".", "..", "../requests", "a/claim", "a?limit=1", "a#b", "a%2Fb", "a\0", "a b", "é"),
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
    with pytest.raises(Refused) as refused:
        await got(problem("validation_failed", 422, errors=[fault], **told))
    assert refused.value.problem == "validation_failed"
    assert [one.pointer for one in refused.value.errors] == ["/applicant/email"]
    assert refused.value.extra == told


@pytest.mark.parametrize(
    ("ask", "answer", "error"),
    [
        (got, problem("unavailable", 503), Unavailable),
        (got, problem("internal", 500), Unavailable),
        (got, problem("never_heard_of", 418), Unavailable),
        (got, httpx.Response(502, text="<html>"), Unavailable),
        (got, httpx.Response(200, json={"other": 1}), Unavailable),
        (got, problem("unauthenticated", 401), SignInFirst),
        (events, problem("not_found", 404), Refused),
        (events, problem("unauthenticated", 401), SignInFirst),
        (events, httpx.Response(502), Unavailable),
        (events, httpx.Response(200, text="data: {}\n\n"), Unavailable),
    ],
)
async def test_what_is_no_answer_names_its_service_and_a_token_that_ran_out_asks_to_sign_in(
    ask, answer, error
):
    with pytest.raises(error) as refused:
        await ask(answer)
    assert error is not Unavailable or refused.value.part == "intake"


def test_who_has_no_session_is_asked_to_sign_in():
    with pytest.raises(SignInFirst):
        visitor_client(None, None)


async def test_events_are_read_and_comments_are_not():
    text = ': open\nretry: 500\n\nevent: changed\ndata: {"said": "1"}\n\n: ping\n\ndata: {"said": "2"}\n\n'
    assert await events(httpx.Response(200, text=text)) == ["1", "2"]
