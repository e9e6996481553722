"""What is not taken in, over HTTP: each refusal by its name, naming what would have been right."""

import json
import uuid

import pytest
from fixtures.outside import application
from fixtures.problems import assert_problem, pointers

pytestmark = pytest.mark.e2e

LIM = "lim.jpa@mygovuc.gov.my"
JELANI = "jelani.kpm@mygovuc.gov.my"
SITI = "siti.mampu@mygovuc.gov.my"
NEVER_STORED = "sha256:" + "0" * 64
LARGEST_DOCUMENT = 25 * 2**20


@pytest.fixture
def aminah(caller):
    return caller("administrator", "MAMPU")


@pytest.fixture
def refused(aminah):
    """`await refused("validation_failed", agency="X")`: the problem of one submission by MAMPU."""

    async def submit(name: str, by=aminah, **changes) -> dict:
        answer = await by.post("intake", "/v1/requests", application(**changes))
        return assert_problem(answer, name)

    return submit


async def test_an_agency_that_nobody_knows_is_a_wrong_field(refused):
    assert pointers(await refused("validation_failed", agency="JKR")) == {"/agency"}


async def test_a_channel_that_the_agency_does_not_use_is_refused_naming_those_it_does(
    refused, caller
):
    jpa, kpm = caller("administrator", "JPA"), caller("administrator", "KPM")
    for channel in ("memo", "letter"):
        body = await refused("channel_not_allowed", jpa, account=LIM, agency="JPA", channel=channel)
        assert body["allowed"] == ["email", "form"]
    for channel in ("email", "memo", "letter"):
        body = await refused(
            "channel_not_allowed", kpm, account=JELANI, agency="KPM", channel=channel
        )
        assert body["allowed"] == ["form"]


async def test_an_answer_through_a_channel_that_the_agency_does_not_use_is_refused(refused, caller):
    kpm = caller("administrator", "KPM")
    body = await refused(
        "channel_not_allowed", kpm, account=JELANI, agency="KPM", reply_through="letter"
    )
    assert body["allowed"] == ["email"]
    assert pointers(body) == {"/reply_through"}


async def test_the_channel_of_integrators_is_not_for_people(refused):
    assert pointers(await refused("validation_failed", channel="event")) == {"/channel"}


async def test_a_call_without_a_key_is_not_made(aminah):
    for path, body in (("/v1/requests", application()), ("/v1/documents", {})):
        answer = await aminah.post("intake", path, body, key="")
        assert_problem(answer, "idempotency_key_missing")


@pytest.mark.parametrize("key", ["a b", "x" * 256, "kunci\tsaya", "clé".encode("latin-1")])
async def test_a_key_is_at_most_255_visible_ascii_characters(aminah, key):
    headers = {"Idempotency-Key": key}
    answer = await aminah.post("intake", "/v1/requests", application(), key="", headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["type"].startswith("urn:bmt:problem:")


async def test_the_same_key_and_body_get_the_first_answer_again(aminah, account):
    key = "!" + "~" * 222 + uuid.uuid4().hex
    body = application(account)
    first = await aminah.post("intake", "/v1/requests", body, key=key)
    again = await aminah.post("intake", "/v1/requests", body, key=key)

    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


async def test_the_same_key_with_another_body_is_refused(aminah, account):
    key = uuid.uuid4().hex
    await aminah.post("intake", "/v1/requests", application(account), key=key)
    other = application(account, justification="Lain.")
    answer = await aminah.post("intake", "/v1/requests", other, key=key)
    assert_problem(answer, "idempotency_key_reused")


async def test_two_people_may_choose_the_same_key(caller, aminah, account):
    key = uuid.uuid4().hex
    mine = await aminah.post("intake", "/v1/requests", application(account), key=key)
    applicant = caller("applicant", "MAMPU", account)
    theirs = await applicant.post("intake", "/v1/requests", application(account), key=key)
    assert mine.status_code == theirs.status_code == 201
    assert mine.json()["request_id"] != theirs.json()["request_id"]


async def test_a_body_above_one_mebibyte_is_too_large(refused, aminah):
    await refused("too_large", justification="j" * 2**20)
    pieces = (b"x" * 65536 for _ in range(32))
    headers = {"Content-Type": "application/json"}
    answer = await aminah.post("intake", "/v1/requests", content=_stream(pieces), headers=headers)
    assert_problem(answer, "too_large")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"kind": NaN}', b"[" * 5000, b'{"a":1,"a":2}'],
    ids=repr,
)
async def test_what_is_not_a_json_object_is_refused(aminah, content):
    headers = {"Content-Type": "application/json"}
    answer = await aminah.post("intake", "/v1/requests", content=content, headers=headers)
    assert_problem(answer, "validation_failed")


async def test_a_field_that_there_is_not_is_named(refused):
    assert pointers(await refused("validation_failed", prioriti="segera")) == {"/prioriti"}
    person = {"account": SITI, "name": "Siti", "email": SITI, "ic": "800101-14-5566"}
    assert pointers(await refused("validation_failed", applicant=person)) == {"/applicant/ic"}


async def test_all_wrong_fields_are_named_at_once(refused):
    body = await refused(
        "validation_failed",
        kind="cuti",
        agency=3,
        channel="merpati",
        applicant={"account": "", "name": "n" * 201, "email": "tiada"},
        justification="j" * 10_001,
        quota_bytes=0,
        max_file_size_bytes=1.5,
        documents=["lukisan.pdf"],
        lain=1,
    )
    assert pointers(body) == {
        "/kind",
        "/agency",
        "/channel",
        "/applicant/account",
        "/applicant/name",
        "/applicant/email",
        "/justification",
        "/quota_bytes",
        "/max_file_size_bytes",
        "/documents/0",
        "/lain",
    }


async def test_fields_that_are_missing_are_named_at_once(aminah):
    body = assert_problem(await aminah.post("intake", "/v1/requests", {}), "validation_failed")
    assert pointers(body) == {"/kind", "/agency", "/channel", "/applicant", "/justification"}


async def test_a_quota_above_the_agencys_maximum_is_refused(refused):
    body = await refused("quota_exceeds_maximum", quota_bytes=100_000_000_001)
    assert pointers(body) == {"/quota_bytes"}


async def test_a_file_above_two_gigabytes_is_refused(refused):
    body = await refused("validation_failed", max_file_size_bytes=2_000_000_001)
    assert pointers(body) == {"/max_file_size_bytes"}


@pytest.mark.parametrize(
    "name", ["Siti\u202eitiS", "Si\u200bti", "Siti\nBcc: x", "\ufeffSiti", " "]
)
async def test_a_name_that_shows_something_else_than_it_says_is_refused(refused, name):
    person = {"account": SITI, "name": name, "email": SITI}
    assert pointers(await refused("validation_failed", applicant=person)) == {"/applicant/name"}


@pytest.mark.parametrize("text", ["a\x00b", "a\x1b[2J", "\x7f", "a\x85b", "  \n "])
async def test_control_characters_are_refused_in_texts(refused, text):
    assert pointers(await refused("validation_failed", justification=text)) == {"/justification"}


async def test_a_document_that_was_never_uploaded_is_refused(refused):
    body = await refused("document_unknown", documents=[NEVER_STORED])
    assert pointers(body) == {"/documents/0"}


async def test_a_document_above_25_mebibytes_is_too_large(aminah):
    answer = await aminah.upload(b"x" * (LARGEST_DOCUMENT + 1))
    assert_problem(answer, "too_large")


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"MZ\x90\x00", "application/pdf"),
        (b"%PDF-1.7\n", "image/png"),
        (b"\x89PNG\r\n\x1a\n", "text/plain"),
        (b"", "text/plain"),
    ],
)
async def test_a_document_that_is_not_what_it_says_is_refused(aminah, content, media_type):
    assert_problem(await aminah.upload(content, media_type), "validation_failed")


async def test_a_document_keeps_only_the_name_of_its_file(aminah):
    answer = await aminah.upload(b"nota", filename="../../etc/passwd")
    assert answer.json()["filename"] == "passwd"


async def test_applicants_ask_for_themselves_by_form(caller, refused, account):
    applicant = caller("applicant", "MAMPU", account)
    await refused("forbidden", applicant, account=SITI)
    await refused("forbidden", applicant, account=account, channel="memo")
    await refused("forbidden", applicant, account=account, agency="JPA")


async def test_administrators_enter_requests_of_their_own_agency(refused):
    await refused("forbidden", account=LIM, agency="JPA")


@pytest.mark.parametrize("role", ["operator", "auditor", "integrator"])
async def test_other_roles_enter_no_requests(caller, refused, role):
    await refused("forbidden", caller(role, "MAMPU"))


async def test_an_empty_mail_is_no_mail(aminah):
    headers = {"Content-Type": "message/rfc822"}
    answer = await aminah.post("intake", "/v1/emails", content=b"", headers=headers)
    assert_problem(answer, "validation_failed")


async def test_a_message_is_settled_once(aminah, account):
    headers = {"Content-Type": "message/rfc822"}
    unclear = b"Subject: BMT\r\n\r\nSaya nak guna BMT."
    answer = await aminah.post("intake", "/v1/emails", content=unclear, headers=headers)
    assert answer.status_code == 202
    item = f"/v1/inbox/{answer.json()['inbox_item_id']}"
    assert_problem(await aminah.post("intake", f"{item}/dismissal", {}), "validation_failed")
    fields = application(account, channel="email")

    first = await aminah.post("intake", f"{item}/registration", fields)
    second = await aminah.post("intake", f"{item}/registration", fields)
    dismissal = await aminah.post("intake", f"{item}/dismissal", {"reason": "Dua kali"})

    assert first.status_code == 201
    assert_problem(second, "request_closed")
    assert_problem(dismissal, "request_closed")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=x", "status=x"])
@pytest.mark.parametrize("place", ["intake /v1/requests", "records /v1/records"])
async def test_a_list_says_what_is_wrong_with_the_question(aminah, place, query):
    service, path = place.split()
    body = assert_problem(await aminah.get(service, f"{path}?{query}"), "validation_failed")
    assert pointers(body) == {f"/query/{query.partition('=')[0]}"}


async def test_an_address_that_there_is_not_is_a_problem_too(aminah):
    for service in ("intake", "approval", "provisioning", "notification", "records"):
        assert_problem(await aminah.get(service, "/v1/tiada"), "not_found")
        answer = await aminah.post(service, "/healthz")
        assert answer.status_code == 405
        assert answer.headers["content-type"] == "application/problem+json"
        assert json.loads(answer.content)["status"] == 405


async def _stream(pieces):
    for piece in pieces:
        yield piece
