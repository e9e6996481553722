"""Scanned paper: a noisy batch becomes one inbox item a paper, all or none, once."""

from io import BytesIO

import pypdf
import pytest
from eventually import eventually
from fixtures.problems import assert_problem
from fixtures.scanned_paper import batch_pdf, printed, scanned, typed
from intake_callers import ADMINISTRATOR, APPLICANT, INBOUND, OF_JPA, asked

from services.intake.main import build
from services.intake.settings import Settings

pytestmark = pytest.mark.integration

PDF = "application/pdf"


@pytest.fixture(scope="module")
async def intake(shared, variables):
    """One intake that takes larger documents than others need."""
    await shared.wire.create(INBOUND)
    larger = variables | {"document_max_bytes": 20_000_000}
    async with shared.running(build, Settings, **larger) as client:
        yield client


@pytest.fixture(scope="module")
def batch() -> bytes:
    """Three forms, the second of two pages, and two letters behind cover sheets; askew, noisy."""
    cover = printed("cover-letter", dpi=150)
    pages = [
        printed("application", dpi=150),
        printed("application", dpi=150),
        typed("Lampiran borang", dpi=150),
        printed("termination", dpi=150),
        cover,
        typed("Surat pertama", dpi=150),
        typed("Muka kedua", dpi=150),
        cover,
        typed("Surat kedua", dpi=150),
    ]
    lying = [scanned(page, n, skew=n % 5 - 2) for n, page in enumerate(pages)]
    return batch_pdf(lying, 150)


@pytest.fixture
def scan(intake, as_):
    """`await scan(content)`: an administrator of MAMPU hands in a scan."""

    async def post(content, kind=PDF, *, who=ADMINISTRATOR, key="", channel=""):
        headers = as_(*who, key=key) | {"Content-Type": kind}
        headers["Content-Disposition"] = 'attachment; filename="imbasan pagi.pdf"'
        asked = {"channel": channel} if channel else {}
        return await intake.post("/v1/scans", content=content, headers=headers, params=asked)

    return post


@pytest.fixture
def get(intake, as_):
    async def one(address: str, *who: str):
        return await intake.get(address, headers=as_(*(who or ADMINISTRATOR)))

    return one


async def test_a_batch_becomes_an_item_a_paper_each_registered_with_its_own_pages_alone(
    scan, get, intake, as_, batch
):
    """And each with what its code proposes."""
    answer = await scan(batch, key="pagi")
    assert answer.status_code == 201, answer.text
    assert answer.json()["pages"] == 9
    items = [(await get(f"/v1/inbox/{id_}")).json() for id_ in answer.json()["inbox_items"]]
    assert [item["scan"]["pages"] for item in items] == [[1], [2, 3], [4], [6, 7], [9]]
    form = {"channel": "form", "agency": "MAMPU"}
    assert [item["understood"] for item in items] == [
        form | {"kind": "application"},
        form | {"kind": "application"},
        form | {"kind": "termination"},
        {"channel": "letter", "agency": "MAMPU"},
        {"channel": "letter", "agency": "MAMPU"},
    ]
    assert {item["status"] for item in items} == {"waiting"}
    assert items[1]["subject"] == "imbasan pagi-2.pdf"
    assert {(item["sender"], item["handed_in_by"]) for item in items} == {("", ADMINISTRATOR[2])}
    for item in items:
        kept = await get(f"/v1/inbox/{item['inbox_item_id']}/documents/{item['document_id']}")
        assert len(pypdf.PdfReader(BytesIO(kept.content)).pages) == len(item["scan"]["pages"])
    whole = items[0]["scan"]["batch"]["document_id"]
    kept = await get(f"/v1/inbox/{items[4]['inbox_item_id']}/documents/{whole}")
    assert kept.content == batch

    address = f"/v1/inbox/{items[0]['inbox_item_id']}"
    registration = f"{address}/registration"
    answer = await intake.post(
        registration, json=asked(channel="form"), headers=as_(*ADMINISTRATOR)
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["request_id"] == items[0]["inbox_item_id"]
    item = (await get(address)).json()
    assert item["status"] == "registered"
    assert [one["document_id"] for one in item["documents"]] == [item["document_id"]]


async def test_the_same_key_gives_the_same_items_and_another_body_is_refused(scan, batch):
    first = await scan(batch, key="pagi")
    again = await scan(batch, key="pagi")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    other = await scan(batch_pdf([typed("lain")]), key="pagi")
    assert_problem(other, "idempotency_key_reused")
    assert_problem(await scan(batch, key="pagi", channel="memo"), "idempotency_key_reused")


async def test_a_paper_about_a_request_names_it_to_its_agency_alone(scan, get, submit):
    request = (await submit()).json()
    address = f"https://bmt.example/my/requests/{request['request_id']}"
    content = batch_pdf([scanned(typed("Surat", address), 1, 2)])
    (id_,) = (await scan(content, channel="letter")).json()["inbox_items"]
    item = (await get(f"/v1/inbox/{id_}")).json()
    assert item["scan"]["request_reference"] == request["reference"]
    assert item["understood"] == {"channel": "letter"}
    (id_,) = (await scan(content, who=OF_JPA)).json()["inbox_items"]
    item = (await get(f"/v1/inbox/{id_}", *OF_JPA)).json()
    assert item["scan"]["request_reference"] is None


async def test_a_form_of_another_agency_stays_with_who_scanned_it_and_says_so(scan, get):
    (id_,) = (await scan(batch_pdf([printed("application")]), who=OF_JPA)).json()["inbox_items"]
    item = (await get(f"/v1/inbox/{id_}", *OF_JPA)).json()
    assert (item["agency"], item["understood"]) == ("JPA", {})
    assert "MAMPU" in item["missing"][0]["detail"]
    assert (await get(f"/v1/inbox/{id_}")).status_code == 404


async def test_who_dies_behind_the_event_leaves_no_half_batch(scan, get, monkeypatch):
    """The same key names its papers again, and they are there."""
    two = batch_pdf([printed("application"), printed("termination")])
    with monkeypatch.context() as patch:
        patch.setattr("services.intake.documents.crash_points.reached", _dies)
        assert (await scan(two, key="mati")).status_code == 500
    answer = await scan(two, key="mati")
    assert answer.status_code == 201
    assert len(answer.json()["inbox_items"]) == 2
    for id_ in answer.json()["inbox_items"]:
        assert (await get(f"/v1/inbox/{id_}")).status_code == 200


def _dies(point: str) -> None:
    if point == "intake.documents.received":
        raise RuntimeError(point)


async def test_nobody_has_to_ask_again_for_what_was_received(scan, get, monkeypatch):
    before = {item["inbox_item_id"] for item in (await get("/v1/inbox?limit=200")).json()["items"]}
    with monkeypatch.context() as patch:
        patch.setattr("services.intake.documents.crash_points.reached", _dies)
        assert (await scan(batch_pdf([typed("satu")]))).status_code == 500

    async def one_more() -> None:
        items = (await get("/v1/inbox?limit=200")).json()["items"]
        assert len({item["inbox_item_id"] for item in items} - before) == 1

    await eventually(one_more)


@pytest.mark.parametrize(
    ("content", "kind", "who", "channel", "problem"),
    [
        (b"%PDF-1.7\n% nothing", PDF, ADMINISTRATOR, "", "validation_failed"),
        (b"not a pdf", PDF, ADMINISTRATOR, "", "validation_failed"),
        (b"", PDF, ADMINISTRATOR, "", "validation_failed"),
        (b"text", "text/plain", ADMINISTRATOR, "", "unsupported_media_type"),
        (b"photo", "image/heic", ADMINISTRATOR, "", "unsupported_media_type"),
        (b"%PDF-1.7", PDF, APPLICANT, "", "forbidden"),
        (b"%PDF-1.7", PDF, OF_JPA, "memo", "channel_not_allowed"),
        (b"%PDF-1.7", PDF, ADMINISTRATOR, "email", "validation_failed"),
        (bytes(20_000_001), PDF, ADMINISTRATOR, "", "too_large"),
    ],
)
async def test_what_is_no_scan_is_refused(scan, content, kind, who, channel, problem):
    assert_problem(await scan(content, kind, who=who, channel=channel), problem)


async def test_blank_papers_are_printed_for_who_is_known_and_kept_until_they_change(
    intake, as_, get
):
    address = "/v1/forms/application.pdf?agency=MAMPU"
    paper = await get(address, *APPLICANT)
    assert (paper.status_code, paper.headers["content-type"]) == (200, PDF)
    assert "borang-permohonan-mampu.pdf" in paper.headers["content-disposition"]
    same = {"If-None-Match": paper.headers["etag"]}
    assert (await intake.get(address, headers=as_(*APPLICANT) | same)).status_code == 304
    assert (await intake.get(address)).status_code == 401
    assert_problem(await get("/v1/forms/cover-memo.pdf?agency=JPA"), "channel_not_allowed")
    assert_problem(await get("/v1/forms/other.pdf?agency=JPA"), "validation_failed")
