"""The pages' calls of the services: under the visitor's token, and refused as those services refuse."""

import httpx
import pytest
from pydantic import BaseModel
from starlette.requests import Request

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.contracts.problems import Refused
from web import session
from web.clients import File, Received, ServiceClients, address
from web.login import SignInFirst

SIGNED_IN = session.Session(
    Principal("siti", "", "Siti", "MAMPU", frozenset()), "the-token", "", goes_on=None
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


def test_an_id_stands_in_its_place_in_an_address():
    assert address("tasks", "019349f0-1c2a-7b3c-8d4e-5f60718293a4") == (
        "/v1/tasks/019349f0-1c2a-7b3c-8d4e-5f60718293a4"
    )
    assert address("documents", "sha256:0f") == "/v1/documents/sha256:0f"
    assert address("accounts", "siti.mampu@mygovuc.gov.my") == (
        "/v1/accounts/siti.mampu@mygovuc.gov.my"
    )
    assert address("forms", "cover-memo.pdf") == "/v1/forms/cover-memo.pdf"


async def test_a_command_bears_its_forms_key():
    def answers(call):
        assert call.headers["idempotency-key"] == "form-1"
        return httpx.Response(201, content=call.content)

    told = await visitor_client(answers).post(
        "intake", address("x"), {"said": "done"}, Told, "form-1"
    )
    assert told.said == "done"


async def test_a_file_goes_with_its_name_type_and_length():
    def answers(call):
        assert call.headers["content-disposition"] == "attachment; filename*=UTF-8''se%C3%B1or.pdf"
        assert (call.headers["content-type"], call.headers["content-length"]) == (
            "application/pdf",
            "4",
        )
        return httpx.Response(201, json={"said": call.content.decode()})

    async def content():
        yield b"%P"
        yield b"DF"

    file = File("señor.pdf", "application/pdf", 4, content())
    assert (
        await visitor_client(answers).send("intake", address("documents"), file, Told, "k")
    ).said == "%PDF"


async def test_a_refusal_is_told_as_the_service_tells_it():
    fault = {"pointer": "/applicant/email", "detail": "An address is needed."}

    def answers(_):
        return problem("validation_failed", 422, errors=[fault], allowed=["form"])

    with pytest.raises(Refused) as refused:
        await visitor_client(answers).get("intake", address("x"), Told)
    assert refused.value.problem == "validation_failed"
    assert [one.pointer for one in refused.value.errors] == ["/applicant/email"]
    assert refused.value.extra == {"allowed": ["form"]}


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


async def test_a_service_that_does_not_answer_is_unavailable():
    def answers(call):
        raise httpx.ConnectError("refused", request=call)

    with pytest.raises(Unavailable):
        await visitor_client(answers).get("intake", address("x"), Told)


async def test_a_token_that_ran_out_asks_to_sign_in_again():
    with pytest.raises(SignInFirst):
        await visitor_client(lambda _: problem("unauthenticated", 401)).get(
            "intake", address("x"), Told
        )


def test_who_has_no_session_is_asked_to_sign_in():
    with pytest.raises(SignInFirst):
        visitor_client(None, None)


async def test_a_refusal_keeps_the_code_that_its_sentence_hangs_on():
    refusal = problem("another_person_needed", 403, code="approved_before", values={"given": 1})
    with pytest.raises(Refused) as refused:
        await visitor_client(lambda _: refusal).get("intake", address("x"), Told)
    assert refused.value.extra == {"code": "approved_before", "values": {"given": 1}}


async def test_a_file_is_read_with_its_type():
    def answers(_):
        return httpx.Response(200, content=b"%PDF", headers={"content-type": "application/pdf"})

    assert await visitor_client(answers).read("intake", address("x")) == Received(
        "application/pdf", b"%PDF"
    )


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
