"""A person's data goes when two people say so: gone from record, search, bundles and the store, and all verifies."""

import pytest
import yaml
from eventually import eventually
from fixtures.ledger_keys import people_of
from fixtures.problems import assert_problem
from fixtures.procedure import approved, configured, notified, numbered, opened
from fixtures.samples import APPLICANT, facts, received
from fixtures.service import AGENCIES_FILE

from bmt.chassis import crash_points
from bmt.verify_record import Key, read_archive, verify
from services.records.ledger.live_store import LiveStore
from services.records.main import build
from services.records.settings import Settings

pytestmark = pytest.mark.integration

ZAINAB = APPLICANT.model_copy(
    update={
        "account": "zainab.mampu@mygovuc.gov.my",
        "name": "Zainab binti Mat",
        "email": "zainab@mygovuc.gov.my",
    }
)
AUDITOR = ("auditor", "")
INSPECTOR = ("auditor", "", "noriha")
SITI = ("administrator", "MAMPU", "siti")
AMINAH = ("administrator", "MAMPU", "aminah")


@pytest.fixture(scope="module")
async def records(shared, tmp_path_factory):
    """Records of agencies whose files may be disposed of once they are complete; KPM's may not."""
    rules = yaml.safe_load(AGENCIES_FILE.read_text())
    for agency in rules:
        rules[agency]["record_retention_years"] = 7 if agency == "KPM" else 0
    file = tmp_path_factory.mktemp("agencies") / "agencies.yaml"
    file.write_text(yaml.safe_dump(rules))
    async with shared.running(build, Settings, agencies_file=file) as client:
        yield client


@pytest.fixture
def post(records, as_):
    async def post(path, who, **body):
        return await records.post(path, json=body, headers=as_(*who))

    return post


@pytest.fixture
def file_of(put, say, once_filed):
    async def file_of(applicant, content, filename="surat Zainab.pdf", **changes):
        request = facts(applicant=applicant, **changes)
        document = await put(content, filename)
        form = received(request).model_copy(
            update={
                "documents": (document,),
                "justification": f"Fail besar untuk {applicant.name}.",
            }
        )
        events = (form, opened(request), approved(request), configured(request))
        await say(numbered(*events, notified(request, "configured")))
        await once_filed(request)
        return request, document

    return file_of


@pytest.fixture
def carried_out(records, post, as_):
    async def carried_out(account, status="carried_out"):
        proposed = await post("/v1/disposals", SITI, account=account, reason="Tempoh tamat.")
        assert proposed.status_code == 201, proposed.text
        place = f"/v1/disposals/{proposed.json()['disposal_id']}"
        assert_problem(await post(f"{place}/decision", SITI, decision="approved"), "own_request")
        ruled = await post(f"{place}/decision", AMINAH, decision="approved")
        assert (ruled.status_code, ruled.json()["status"]) == (201, "approved")

        async def ended():
            found = (await records.get(place, headers=as_(*AUDITOR))).json()
            assert found["status"] == status
            return found

        return await eventually(ended, 15)

    return carried_out


async def test_a_person_is_gone_and_every_proof_holds(
    records, own, as_, file_of, carried_out, record_of, say
):
    one, letter = await file_of(ZAINAB, b"surat satu")
    two, _ = await file_of(ZAINAB, b"surat dua")
    other, shared_letter = await file_of(APPLICANT, b"surat satu", filename="surat.pdf")
    assert shared_letter.document_id == letter.document_id

    ended = await carried_out("Zainab.MAMPU@mygovuc.gov.my")

    assert set(ended["request_ids"]) == {one.request_id, two.request_id}
    assert (ended["account"], ended["reason"]) == ("disposed-of", "disposed-of")
    for request in (one, two):
        shown = await record_of(request)
        assert "ainab" not in str(shown)
        assert shown["state"]["status"] == "filed"
        assert shown["state"]["applicant"]["name"] == "disposed-of"
        assert shown["state"]["decision"]["decision"] == "approved"
        assert [event["disposed_of"] for event in shown["events"]] == [True] * 5 + [False]
    found = await records.get("/v1/records", params={"q": "Zainab"}, headers=as_(*AUDITOR))
    assert found.json()["items"] == []
    listed = await records.get("/v1/records", params={"agency": "MAMPU"}, headers=as_(*AUDITOR))
    assert {item["request_id"] for item in listed.json()["items"]} >= {one.request_id}

    # What another person filed too is still theirs.
    kept = await records.get(f"/v1/documents/{letter.document_id}", headers=as_(*AUDITOR))
    assert kept.content == b"surat satu"
    assert (await record_of(other))["state"]["applicant"]["name"] == APPLICANT.name

    told = await records.get("/v1/checkpoints/keys", headers=as_(*AUDITOR))
    keys = [Key.parse(line) for line in told.text.splitlines()]
    bundle = await records.get(f"/v1/records/{one.request_id}/bundle", headers=as_(*AUDITOR))
    report = verify(bundle.content, keys)
    assert (report.findings, report.disposed_of, report.documents) == ([], 5, 0)
    assert b"ainab" not in bundle.content
    assert not any(name.startswith("documents/") for name in read_archive(bundle.content)[0])
    assert (await LiveStore(own, people=people_of(own)).verify()).faults == []

    # Opening what is left of the database finds nothing of her: the only key is gone.
    for collection in await own.list_collection_names():
        async for batch in own[collection].find_raw_batches({}):
            assert b"Zainab binti" not in batch, collection
            assert b"zainab" not in batch, collection

    # And who comes again is welcome, under a new key.
    again, _ = await file_of(ZAINAB, b"surat tiga")
    assert (await record_of(again))["state"]["applicant"]["name"] == ZAINAB.name


async def test_a_held_file_and_one_within_its_time_are_not_disposed_of(
    records, as_, post, file_of, record_of
):
    held = APPLICANT.model_copy(update={"account": "held.mampu@mygovuc.gov.my"})
    request, _ = await file_of(held, b"surat yang ditahan")
    place = f"/v1/records/{request.request_id}/hold"
    assert (await post(place, INSPECTOR, reason="Siasatan.")).json() == {
        "request_id": request.request_id,
        "held": True,
    }
    assert_problem(await post(place, ("administrator", "JPA"), reason="x"), "not_found")

    answer = await post("/v1/disposals", SITI, account=held.account, reason="Tamat.")
    problem = assert_problem(answer, "not_disposable")
    assert problem["blocked_by"] == [{"request_id": request.request_id, "why": "held"}]
    listed = await records.get("/v1/records", params={"q": "held.mampu"}, headers=as_(*AUDITOR))
    assert [item["held"] for item in listed.json()["items"]] == [True]

    await _lifted_by_nobody_else(records, as_, post, record_of, request, place)
    assert (
        await post("/v1/disposals", SITI, account=held.account, reason="Tamat.")
    ).status_code == 201

    young = APPLICANT.model_copy(update={"account": "muda.kpm@mygovuc.gov.my"})
    await file_of(young, b"surat muda", agency="KPM")
    kpm = ("administrator", "KPM", "wan")
    answer = await post("/v1/disposals", kpm, account=young.account, reason="Tamat.")
    assert [one["why"] for one in assert_problem(answer, "not_disposable")["blocked_by"]] == [
        "kept"
    ]
    answer = await post("/v1/disposals", kpm, account=held.account, reason="Tamat.")
    assert_problem(answer, "not_found")


async def _lifted_by_nobody_else(records, as_, post, record_of, request, place):
    """The agency's administrator lifts her own hold, and not the auditor's."""
    release = f"{place}/release"
    assert_problem(await post(release, SITI, reason="Tamat."), "forbidden")
    assert (await post(place, SITI, reason="Kami juga.")).json()["held"]
    answer = await post(release, SITI, reason="Tamat.")
    assert (answer.status_code, answer.json()["held"]) == (201, True)
    assert_problem(await post(release, SITI, reason="Tamat."), "forbidden")
    (hold,) = (await record_of(request))["holds"]
    assert (hold["by"], hold["reason"]) == (INSPECTOR[2], "Siasatan.")
    for missing in ({}, {"reason": " "}):
        assert_problem(await post(release, INSPECTOR, **missing), "validation_failed")
    answer = await post(release, INSPECTOR, reason="Siasatan selesai.")
    assert (answer.status_code, answer.json()["held"]) == (201, False)
    assert (await record_of(request))["holds"] == []


async def test_a_hold_that_comes_after_the_approval_stops_it(
    records, as_, post, file_of, record_of, own
):
    late = APPLICANT.model_copy(update={"account": "lewat.mampu@mygovuc.gov.my"})
    request, _ = await file_of(late, b"surat lewat")
    proposed = await post("/v1/disposals", SITI, account=late.account, reason="Tamat.")
    place = f"/v1/disposals/{proposed.json()['disposal_id']}"
    await post(f"/v1/records/{request.request_id}/hold", SITI, reason="Siasatan.")
    await post(f"{place}/decision", AMINAH, decision="approved")

    async def stopped():
        found = await records.get(place, headers=as_(*AUDITOR))
        assert found.json()["status"] == "stopped"

    await eventually(stopped, 15)
    assert (await record_of(request))["state"]["applicant"]["account"] == late.account
    answer = await post(f"{place}/decision", AMINAH, decision="rejected")
    assert_problem(answer, "already_decided")


@pytest.mark.parametrize("point", ["records.disposing.leaf_added", "records.keys.destroyed"])
async def test_a_hold_that_comes_after_the_beginning_comes_too_late(
    records, as_, post, file_of, record_of, own, monkeypatch, point
):
    late = APPLICANT.model_copy(update={"account": f"{point}.mampu@mygovuc.gov.my"})
    request, _ = await file_of(late, f"surat {point}".encode())
    died = []

    def dies_until_held(reached):
        if reached == point and not held:
            died.append(reached)
            raise ConnectionResetError(point)

    held = False
    monkeypatch.setattr(crash_points, "reached", dies_until_held)
    proposed = await post("/v1/disposals", SITI, account=late.account, reason="Tamat.")
    place = f"/v1/disposals/{proposed.json()['disposal_id']}"
    await post(f"{place}/decision", AMINAH, decision="approved")

    async def half_done():
        assert died
        found = await records.get(place, headers=as_(*AUDITOR))
        assert found.json()["status"] == "begun"

    await eventually(half_done, 15)
    await post(f"/v1/records/{request.request_id}/hold", SITI, reason="Siasatan.")
    held = True

    async def carried_out():
        found = await records.get(place, headers=as_(*AUDITOR))
        assert found.json()["status"] == "carried_out"

    await eventually(carried_out, 15)
    assert (await record_of(request))["state"]["applicant"]["account"] == "disposed-of"
    assert (await LiveStore(own, people=people_of(own)).verify()).faults == []


async def test_the_same_proposal_again_is_the_same_disposal(records, as_, file_of):
    twice = APPLICANT.model_copy(update={"account": "dua.mampu@mygovuc.gov.my"})
    await file_of(twice, b"surat dua kali")
    headers = as_(*SITI, key="sekali-sahaja")
    body = {"account": twice.account, "reason": "Tamat."}
    first = await records.post("/v1/disposals", json=body, headers=headers)
    again = await records.post("/v1/disposals", json=body, headers=headers)
    assert first.json() == again.json()
    other = {**body, "reason": "Lain."}
    answer = await records.post("/v1/disposals", json=other, headers=headers)
    assert_problem(answer, "idempotency_key_reused")
