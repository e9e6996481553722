"""Reading files: by whom, as they were, and that it leaves a trace."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from eventually import eventually
from fixtures.ledger_keys import people_of
from fixtures.problems import assert_problem, pointers
from fixtures.procedure import approved, configured, notified, numbered, opened, rejected
from fixtures.samples import APPLICANT, MONDAY, facts, received

from bmt.contracts.envelope import rfc3339
from services.records.ledger.live_store import event_data
from services.records.sealing.sealed_event_store import opened_data
from services.records.tree.checkpoints import Checkpoint, Note, Verifier

pytestmark = pytest.mark.integration

AUDITOR = ("auditor", "")
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def file_of(put, say):
    """`await file_of(request)`: everything was said of it; its document and its events' ids."""

    async def file_of(request, filename="borang.pdf", media_type="application/pdf"):
        document = await put(request.request_id.encode(), filename, media_type)
        events = numbered(
            received(request, documents=(document,)),
            opened(request),
            approved(request),
            configured(request),
            notified(request, "configured"),
        )
        return document, await say(events)

    return file_of


async def views_of(own, request):
    stream = own.commits.find({"stream": f"request-{request.request_id}"}).sort("version", 1)
    events = [event for commit in await stream.to_list(None) for event in commit["events"]]
    viewed = [event for event in events if event["type"].endswith("RecordViewed.v1")]
    keys = await people_of(own).by_id({event_data(event)["key"] for event in viewed})
    return [opened_data(event["id"], event_data(event), keys) for event in viewed]


async def test_a_file_can_be_seen_as_it_was_at_each_version(file_of, once_filed, record_of):
    request = facts()
    await file_of(request)
    whole = await once_filed(request)

    statuses = []
    for version in range(1, 6):
        then = await record_of(request, version=version)
        assert then["events"] == whole["events"][:version]
        assert then["version"] == version
        statuses.append(then["state"]["status"])

    assert statuses[-1] == "filed"
    assert "filed" not in statuses[:-1]


async def test_a_file_can_be_seen_as_it_was_at_each_moment(file_of, once_filed, record_of):
    request = facts()
    await file_of(request)
    whole = await once_filed(request)

    for event in whole["events"]:
        then = await record_of(request, at=event["time"])
        assert {each["id"] for each in then["events"]} == {
            each["id"] for each in whole["events"] if each["time"] <= event["time"]
        }
    decided = next(each for each in whole["events"] if "Approved" in each["type"])
    then = await record_of(request, at=decided["time"])
    assert then["state"]["status"] == "approved"
    assert then["state"]["effective"] is None
    assert then["state"]["policy_version"] == request.policy_version


async def test_before_it_began_there_was_no_file(records, file_of, once_filed, as_):
    request = facts()
    await file_of(request)
    await once_filed(request)

    answer = await records.get(
        f"/v1/records/{request.request_id}",
        params={"at": "2020-01-01T00:00:00Z"},
        headers=as_(*AUDITOR),
    )

    assert_problem(answer, "not_found")


@pytest.mark.parametrize(
    ("until", "wrong"),
    [
        ({"at": "2025-11-24T01:00:00Z", "version": 1}, {"/query/at", "/query/version"}),
        ({"at": "2025-11-24T01:00:00"}, {"/query/at"}),
        ({"at": "0001-01-01T00:00:00+08:00"}, {"/query/at"}),
        ({"at": "1764000000"}, {"/query/at"}),
        ({"version": 0}, {"/query/version"}),
    ],
)
async def test_a_time_or_a_version_is_asked_for_not_both_and_nothing_else(
    records, as_, until, wrong
):
    url = f"/v1/records/{facts().request_id}"

    answer = await records.get(url, params=until, headers=as_(*AUDITOR))

    assert pointers(assert_problem(answer, "validation_failed")) == wrong


async def test_another_agencys_file_and_document_are_not_there(records, file_of, once_filed, as_):
    request = facts(agency="JPA")
    document, _ = await file_of(request)
    await once_filed(request)
    urls = [f"/v1/records/{request.request_id}", f"/v1/documents/{document.document_id}"]

    for url in urls:
        for who in (("administrator", "MAMPU"), ("auditor", "MAMPU"), ("administrator", "")):
            assert_problem(await records.get(url, headers=as_(*who)), "not_found")
        for who in (("administrator", "JPA"), ("auditor", "JPA"), AUDITOR):
            assert (await records.get(url, headers=as_(*who))).status_code == 200
    nowhere = await records.get(f"/v1/records/{facts().request_id}", headers=as_(*AUDITOR))
    hidden = await records.get(urls[0], headers=as_("administrator", "MAMPU"))
    assert {**nowhere.json(), "instance": ""} == {**hidden.json(), "instance": ""}


async def test_who_looked_at_a_file_stands_in_it(records, file_of, once_filed, own, as_):
    request = facts()
    document, _ = await file_of(request)
    await once_filed(request)
    seen_before = len(await views_of(own, request))

    headers = as_("administrator", "MAMPU", "aminah")
    await records.get(f"/v1/records/{request.request_id}", headers=headers)
    await records.get(f"/v1/documents/{document.document_id}", headers=headers)
    await records.get(f"/v1/records/{request.request_id}", headers=as_("administrator", "JPA"))

    views = (await views_of(own, request))[seen_before:]
    assert [(view["by"], view["document_id"]) for view in views] == [
        ("aminah", None),
        ("aminah", document.document_id),
    ]


async def test_a_document_is_given_as_it_was_filed(records, file_of, once_filed, as_):
    request = facts()
    filename = 'e-mel "asal" – salinan.eml'
    document, _ = await file_of(request, filename, "message/rfc822")
    await once_filed(request)

    answer = await records.get(f"/v1/documents/{document.document_id}", headers=as_(*AUDITOR))

    assert answer.content == request.request_id.encode()
    assert answer.headers["content-type"] == "message/rfc822"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["content-disposition"] == (
        f"attachment; filename*=UTF-8''{quote(filename)}"
    )


async def test_a_media_type_that_is_none_is_not_passed_on(records, file_of, once_filed, as_):
    request = facts()
    document, _ = await file_of(request, media_type="text/html\r\nX-Evil: 1")
    await once_filed(request)

    answer = await records.get(f"/v1/documents/{document.document_id}", headers=as_(*AUDITOR))

    assert answer.headers["content-type"] == "application/octet-stream"


async def test_a_document_that_is_not_filed_is_not_there(records, put, as_):
    document = await put(b"nobody named this")
    for name in (document.document_id, "sha256:0", "borang.pdf"):
        answer = await records.get(f"/v1/documents/{name}", headers=as_(*AUDITOR))
        assert_problem(answer, "not_found")


@pytest.fixture(scope="module")
def search(records):
    async def search(headers, **criteria):
        answer = await records.get("/v1/records", params=criteria, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return search


async def test_files_are_found_by_what_they_are_known_by(search, say, as_, own):
    aishah = APPLICANT.model_copy(update={"account": "aishah.kpm@mygovuc.gov.my", "name": "Aishah"})
    wanted = facts(
        agency="KPM",
        reference="KPM/2024/000077",
        applicant=aishah,
        received_at=MONDAY - timedelta(days=400),
    )
    other = facts(agency="KPM", received_at=MONDAY - timedelta(days=399))
    no_documents = {"documents": ()}
    for request in (wanted, other):
        outcome = (rejected(request), notified(request, "rejected"))
        await say(numbered(received(request, **no_documents), opened(request), *outcome))
    auditor = as_(*AUDITOR)

    async def both_filed():
        found = await search(auditor, agency="KPM", status="filed")
        assert len(found["items"]) == 2
        return found["items"]

    newest, oldest = await eventually(both_filed)
    assert (newest["request_id"], oldest["request_id"]) == (other.request_id, wanted.request_id)
    day = str((MONDAY - timedelta(days=400)).date())
    for criteria in (
        {"q": "KPM/2024/000077"},
        {"q": "aishah.kpm"},
        {"q": "AISHAH", "agency": "KPM"},
        {"q": oldest["file_number"]},
        {"from": day, "to": day},
        {"to": rfc3339(wanted.received_at)},
    ):
        found = await search(auditor, **criteria)
        assert [each["request_id"] for each in found["items"]] == [wanted.request_id], criteria
    assert (await search(auditor, q="KPM/2024/0.0077"))["items"] == []
    assert (await search(auditor, agency="KPM", status="received"))["items"] == []
    assert (await search(as_("administrator", "MAMPU"), q="aishah.kpm"))["items"] == []
    assert (await search(as_("administrator", "MAMPU"), agency="KPM"))["items"] == []
    searches = await own.commits.find({"stream": {"$regex": "^search-"}}).to_list(None)
    noted = [event_data(commit["events"][0]) for commit in searches]
    assert {"text": "aishah.kpm"} in [note["criteria"] for note in noted]
    assert {note["agency"] for note in noted} >= {None, "MAMPU", "KPM"}


async def test_pages_follow_one_another(search, say, as_):
    requests = [facts(agency="JPA", reference=f"PAGES/{number}") for number in range(5)]
    for request in requests:
        await say(numbered(received(request, documents=())))
    auditor = as_(*AUDITOR)

    async def all_there():
        assert len((await search(auditor, q="PAGES/"))["items"]) == 5

    await eventually(all_there)
    seen, cursor = [], None
    while True:
        page = await search(auditor, q="PAGES/", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [each["request_id"] for each in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert sorted(seen) == sorted(request.request_id for request in requests)
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("q=%00", "q"),
        ("q=" + "x" * 201, "q"),
        ("from=semalam", "from"),
        ("from=1764000000", "from"),
        ("to=0.5", "to"),
        ("status=siap", "status"),
        ("from=2026-12-31&to=2026-01-01", "from"),
        ("statuses=filed", "statuses"),
    ],
)
async def test_a_search_that_cannot_be_made_names_what_is_wrong(records, as_, query, pointer):
    answer = await records.get(f"/v1/records?{query}", headers=as_(*AUDITOR))
    assert pointers(assert_problem(answer, "validation_failed")) == {f"/query/{pointer}"}


async def test_a_checkpoint_is_a_note_that_the_keys_told_have_signed(records, as_):
    async def signed():
        answer = await records.get("/v1/checkpoints/latest", headers=as_("operator"))
        assert answer.status_code == 200
        return answer

    answer = await eventually(signed)
    keys = await records.get("/v1/checkpoints/keys", headers=as_("applicant"))
    verifiers = [Verifier.parse(line) for line in keys.text.splitlines()]
    note = Note.parse(answer.text)

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert note.signed_by(verifiers) == verifiers
    assert Checkpoint.parse(note.text).origin == "bmt.records"
    assert (await records.get("/v1/checkpoints/latest")).status_code == 401


async def test_the_proof_between_two_sizes_is_told_within_what_is_signed(records, as_):
    async def consistency(first, second):
        sizes = {"from": first, "to": second}
        url = "/v1/checkpoints/consistency"
        return await records.get(url, params=sizes, headers=as_(*AUDITOR))

    assert (await consistency(0, 0)).json() == {"first": 0, "second": 0, "hashes": []}
    assert (await consistency(2, 1)).status_code == 422
    beyond = await consistency(0, 1_000_000)
    assert beyond.status_code == 422
    assert beyond.json()["errors"][0]["pointer"] == "/query/to"


async def test_every_request_of_a_period_is_held_against_the_procedure(
    records, as_, file_of, once_filed, own
):
    request = facts(agency="KPM", reference="KPM/2019/000001", received_at=MONDAY - 2000 * DAY)
    await file_of(request)
    await once_filed(request)
    day = str((MONDAY - 2000 * DAY).date())
    asked = {"agency": "KPM", "from": day, "to": day}

    async def asked_as(*who, **more):
        return await records.get("/v1/conformance", params={**asked, **more}, headers=as_(*who))

    report = (await asked_as(*AUDITOR)).json()
    assert report["requests"] == 1
    (line,) = report["lines"]
    assert (line["reference"], line["decision"], line["folios"]) == (
        "KPM/2019/000001",
        "approved",
        1,
    )
    assert None not in (line["decided_at"], line["configured_at"], line["filed_at"])
    table = await asked_as("administrator", "KPM", format="csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert "KPM/2019/000001" in table.text
    pdf = await asked_as(*AUDITOR, format="pdf")
    assert pdf.content.startswith(b"%PDF")
    assert_problem(await asked_as("administrator", "MAMPU"), "not_found")
    assert_problem(await asked_as("operator", "KPM"), "forbidden")
    assert_problem(await asked_as(*AUDITOR, **{"from": "semalam"}), "validation_failed")
    searches = await own.commits.find({"stream": {"$regex": "^search-"}}).to_list(None)
    criteria = [event_data(commit["events"][0])["criteria"] for commit in searches]
    assert sum(one.get("report") == "conformance" for one in criteria) == 3
