"""Whatever goes wrong is answered with RFC 9457 problem details that say what is allowed."""

import orjson
import pytest
from fixtures.problems import assert_problem, pointers
from parcel_api import AlreadySent

from bmt.contracts.problems import Refused


async def test_all_wrong_fields_are_named_at_once(client, operator):
    wrong = {"owner": {"email": "nobody", "e/mail": 1}, "kilograms": 99, "labels": ["a", 2]}
    response = await client.post("/v1/parcels", json=wrong, headers=operator)
    body = assert_problem(response, "validation_failed")
    assert pointers(body) == {"/owner/email", "/owner/e~1mail", "/kilograms", "/labels/1"}


async def test_a_body_wrong_in_very_many_places_gets_a_short_answer(client, operator, parcel):
    many = parcel | {f"x{number}": 1 for number in range(5000)}
    response = await client.post("/v1/parcels", json=many, headers=operator)
    body = assert_problem(response, "validation_failed")
    assert len(body["errors"]) == 101
    assert body["errors"][-1]["detail"] == "4900 more fields are wrong."


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"owner": NaN}',
        b'{"kilograms": Infinity}',
        b'{"kilograms": 1e999}',
        b'{"kilograms": 1, "kilograms": 2}',
        b'{"owner": {"email": "a@b", "email": "c@d"}}',
        b"[" * 400_000,
        b"[" * 990 + b"]" * 990,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"owner": "\xff\xfe"}',
        b'{"\\ud800": 1}',
        b'"\\ud800"',
        b"\xef\xbb\xbf{}",
        b'{"kilograms": ' + b"9" * 5_000 + b"}",
        b'{"kilograms": ' + b"9" * 25 + b"}",
        b"null",
        b"3",
        b"[]",
        b"",
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_a_body_that_is_no_clean_json_object_is_refused(client, operator, body):
    headers = operator | {"Content-Type": "application/json"}
    response = await client.post("/v1/parcels", content=body, headers=headers)
    assert "errors" in assert_problem(response, "validation_failed")


async def test_a_media_type_is_read_in_any_case(client, operator, parcel):
    headers = operator | {"Content-Type": "Application/JSON; charset=UTF-8"}
    response = await client.post("/v1/parcels", content=orjson.dumps(parcel), headers=headers)
    assert response.status_code == 201


async def test_a_compressed_body_is_refused_by_that_name(client, operator, parcel):
    headers = operator | {"Content-Encoding": "gzip"}
    response = await client.post("/v1/parcels", content=orjson.dumps(parcel), headers=headers)
    assert "Content-Encoding" in assert_problem(response, "unsupported_media_type")["detail"]


async def test_a_body_in_another_character_set_is_told_so(client, operator, parcel):
    for body in (orjson.dumps(parcel).decode().encode("utf-16"), b'{"labels": ["\xe9"]}'):
        response = await client.post("/v1/parcels", content=body, headers=operator)
        (error,) = assert_problem(response, "validation_failed")["errors"]
        assert error["values"] == {"why": "it is not UTF-8"}


async def test_a_streamed_body_is_counted_while_it_arrives(client, operator):
    sent = 0

    async def chunks():
        nonlocal sent
        for _ in range(100):
            sent += 65_536
            yield b"x" * 65_536

    response = await client.post("/v1/parcels", content=chunks(), headers=operator)
    assert_problem(response, "too_large")


async def test_a_route_can_have_a_limit_of_its_own(client, operator):
    body = b"x" * (2 * 1024 * 1024)
    accepted = await client.post("/v1/scans", content=body, headers=operator)
    refused = await client.post("/v1/scans", content=body + b"x", headers=operator)
    assert accepted.json() == {"size_bytes": len(body)}
    assert_problem(refused, "too_large")


async def test_an_unknown_address_and_a_wrong_method_are_problems(client):
    assert_problem(await client.get("/v1/nothing"), "not_found")
    wrong_method = await client.delete("/v1/me")
    assert_problem(wrong_method, "method_not_allowed")
    assert wrong_method.headers["allow"] == "GET, HEAD"
    assert (await client.delete("/v1/parcels")).headers["allow"] == "GET, HEAD, POST"


async def test_head_is_answered_as_get_is(client, operator):
    head = await client.head("/v1/me", headers=operator)
    got = await client.get("/v1/me", headers=operator)
    assert (head.status_code, head.headers["content-length"]) == (
        200,
        got.headers["content-length"],
    )
    assert (await client.head("/healthz")).status_code == 200
    assert (await client.head("/v1/letters")).headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("limits=1", "/query/limits", "unknown_field"),
        ("Limit=1", "/query/Limit", "unknown_field"),
        ("limit=1&limit=2", "/query/limit", "too_many_items"),
        ("q=" + "a" * 100 + "&" + "b" * 100 + "=1", "/query/" + "b" * 64, "unknown_field"),
    ],
)
async def test_a_parameter_that_would_be_passed_over_is_refused(
    client, operator, query, pointer, code
):
    response = await client.get(f"/v1/shelves?{query}", headers=operator)
    body = assert_problem(response, "validation_failed")
    assert (pointer, code) in {(each["pointer"], each["code"]) for each in body["errors"]}
    several = await client.get("/v1/shelves?limit=1&of=a&of=b", headers=operator)
    assert several.json() == {"limit": 1, "of": 2}


async def test_an_unforeseen_error_says_nothing_of_the_inside(client):
    response = await client.get("/v1/broken")
    assert_problem(response, "internal")
    assert "secret" not in response.text
    assert "RuntimeError" not in response.text


async def test_a_part_that_is_away_says_when_to_ask_again(client):
    response = await client.get("/v1/away")
    assert assert_problem(response, "unavailable")["part"] == "mongodb"
    assert response.headers["retry-after"] == "7"


async def test_a_refusal_given_again_says_so(client, desk, operator, parcel):
    desk.fails_with = Refused(problem="request_closed", replayed=True)
    response = await client.post("/v1/parcels", json=parcel, headers=operator)
    assert_problem(response, "request_closed")
    assert response.headers["idempotent-replayed"] == "true"


async def test_a_refusal_carries_members_that_cannot_pass_for_the_problem_itself(
    client, desk, operator, parcel
):
    told = {"decision": {"by": "siti"}, "status": 200, "type": "none"}
    desk.fails_with = AlreadySent("It was sent.", extra=told)
    response = await client.post("/v1/parcels", json=parcel, headers=operator)
    assert assert_problem(response, "already_decided")["decision"] == {"by": "siti"}
