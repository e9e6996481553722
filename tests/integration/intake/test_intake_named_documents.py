"""Which documents a caller may name: their own uploads, and what stands where they may read it."""

import uuid

import pytest
from fixtures.problems import assert_problem, pointers
from intake_callers import ADMINISTRATOR, APPLICANT, OF_JPA, asked, email

from bmt.chassis.runtime.documents import HOLDERS, UPLOADS
from bmt.chassis.runtime.mongodb import connect
from bmt.contracts import topics
from services.intake.main import build
from services.intake.settings import Settings

pytestmark = pytest.mark.integration

NEVER_STORED = "sha256:" + "0" * 64
COLLEAGUE = ("administrator", "MAMPU", "noriha.mampu@mygovuc.gov.my")
JPA_APPLICANT = ("applicant", "JPA", "lim.jpa@mygovuc.gov.my")


@pytest.fixture
def paper(upload):
    """`await paper(who)`: somebody uploads a document that nobody else has; as it is answered."""

    async def paper(who=ADMINISTRATOR, content=None, filename="surat.txt"):
        content = content or f"surat {uuid.uuid4()}".encode()
        answer = await upload(content, "text/plain", who=who, filename=filename)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return paper


@pytest.fixture
def name(intake, as_):
    """`await name(document_id, who)`: a request of the caller's that names the document."""

    async def name(document_id, who=ADMINISTRATOR):
        channel = "memo" if who[:2] == ("administrator", "MAMPU") else "form"
        body = asked(agency=who[1], channel=channel, documents=[document_id])
        if who[0] == "applicant":
            body["applicant"] |= {"account": who[2], "email": who[2]}
        elif who[1] == "JPA":
            body["applicant"] |= {"account": JPA_APPLICANT[2], "email": JPA_APPLICANT[2]}
        return await intake.post("/v1/requests", json=body, headers=as_(*who))

    return name


@pytest.fixture
def documents_of(wire):
    """`await documents_of(answer)`: the documents of a request that was received, as all hear of them."""

    async def documents_of(answer, count=1):
        assert answer.status_code == 201, answer.text
        incoming = ["RequestReceived"] * count
        said = await wire.hear(topics.REQUESTS, answer.json()["request_id"], *incoming)
        return said[-1].data["documents"]

    return documents_of


def without_id(answer, document_id):
    """The answer to who names a document, but for its id and that of the call."""
    body = assert_problem(answer, "document_unknown")
    assert pointers(body) == {"/documents/0"}
    return answer.text.replace(document_id, "…").replace(body["instance"], "…")


@pytest.mark.parametrize(
    "who", [OF_JPA, JPA_APPLICANT, COLLEAGUE, APPLICANT], ids=lambda who: who[2]
)
async def test_what_somebody_else_uploaded_counts_as_never_stored(paper, name, who):
    document_id = (await paper(ADMINISTRATOR))["document_id"]
    refused = await name(document_id, who)
    never = await name(NEVER_STORED, who)
    assert without_id(refused, document_id) == without_id(never, NEVER_STORED)


async def test_an_uploader_of_another_agency_is_somebody_else(paper, name):
    moved = (OF_JPA[0], OF_JPA[1], ADMINISTRATOR[2])
    document_id = (await paper(ADMINISTRATOR))["document_id"]
    assert_problem(await name(document_id, moved), "document_unknown")


async def test_the_same_bytes_are_each_uploaders_own_under_their_own_name(
    paper, name, documents_of
):
    content = f"sama {uuid.uuid4()}".encode()
    ours = await paper(ADMINISTRATOR, content, "rahsia MAMPU.txt")
    theirs = await paper(OF_JPA, content, "nota.txt")
    assert theirs["document_id"] == ours["document_id"]
    assert await documents_of(await name(ours["document_id"], OF_JPA)) == [theirs]
    assert await documents_of(await name(ours["document_id"], ADMINISTRATOR)) == [ours]


async def test_what_stands_in_a_request_counts_for_who_may_read_it(
    paper, name, documents_of, intake, as_
):
    filed = await paper(ADMINISTRATOR)
    body = asked(documents=[filed["document_id"]])
    assert await documents_of(
        await intake.post("/v1/requests", json=body, headers=as_(*ADMINISTRATOR))
    ) == [filed]

    assert await documents_of(await name(filed["document_id"], COLLEAGUE)) == [filed]
    assert await documents_of(await name(filed["document_id"], APPLICANT)) == [filed]
    for stranger in (OF_JPA, JPA_APPLICANT, ("applicant", "MAMPU", "ali.mampu@mygovuc.gov.my")):
        assert_problem(await name(filed["document_id"], stranger), "document_unknown")


async def test_what_came_by_email_counts_for_the_agencys_administrators(
    deliver, name, intake, as_, documents_of
):
    item = (await deliver(email(f"Boleh saya bertanya? {uuid.uuid4()}"))).json()["inbox_item_id"]
    message = (await intake.get(f"/v1/inbox/{item}", headers=as_(*COLLEAGUE))).json()["document_id"]

    for stranger in (OF_JPA, APPLICANT):
        assert_problem(await name(message, stranger), "document_unknown")
    (named,) = await documents_of(await name(message, COLLEAGUE))
    assert (named["document_id"], named["filename"]) == (message, "message.eml")


async def test_a_registration_names_no_document_of_others(deliver, paper, intake, as_):
    item = (await deliver(email(f"Boleh? {uuid.uuid4()}"))).json()["inbox_item_id"]
    theirs = (await paper(OF_JPA))["document_id"]
    body = asked(channel=None, documents=[theirs])
    path = f"/v1/inbox/{item}/registration"
    refused = await intake.post(path, json=body | {"channel": "email"}, headers=as_(*ADMINISTRATOR))
    assert_problem(refused, "document_unknown")


async def test_what_was_there_before_uploads_were_told_apart_counts_still(
    surroundings, mongodb, variables, as_
):
    """An installation that is older has neither of the two views: they are filled from what is stored."""
    await surroundings.wire.create(topics.inbound("hrmis"))
    kind = {"Content-Type": "text/plain"}

    async def uploaded(intake, content):
        headers = as_(*ADMINISTRATOR) | kind
        answer = await intake.post("/v1/documents", content=content, headers=headers)
        return answer.json()["document_id"]

    async def name(intake, who, document_id):
        body = asked(documents=[document_id])
        return (await intake.post("/v1/requests", json=body, headers=as_(*who))).status_code

    async with surroundings.running(build, Settings, **variables) as intake:
        filed, loose = await uploaded(intake, b"satu"), await uploaded(intake, b"dua")
        assert await name(intake, ADMINISTRATOR, filed) == 201
    client = connect(mongodb)
    for view in (UPLOADS, HOLDERS):
        await client[f"{surroundings.name}_documents"].drop_collection(view)
    client.close()
    async with surroundings.running(build, Settings, **variables) as intake:
        assert await name(intake, COLLEAGUE, filed) == 201
        assert await name(intake, COLLEAGUE, loose) == 422
        assert await name(intake, ADMINISTRATOR, loose) == 201
