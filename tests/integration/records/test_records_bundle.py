"""A file is carried away whole, verifies offline, and who took it stands in it."""

import json

import pytest
from fixtures.procedure import approved, configured, notified, numbered, opened
from fixtures.samples import facts, received

from bmt.verify_record import Key, read_archive, verify
from services.records.ledger.live_store import event_data

pytestmark = pytest.mark.integration

AUDITOR = ("auditor", "")


@pytest.fixture
async def filed(once_filed, put, say):
    """One request in a complete file."""
    request = facts()
    form = received(request).model_copy(update={"documents": (await put(b"borang"),)})
    events = (form, opened(request), approved(request), configured(request))
    await say([*numbered(*events, notified(request, "configured"))])
    await once_filed(request)
    return request


@pytest.fixture
def fetch(records, as_):
    async def fetch(request_id, *who):
        headers = as_(*(who or AUDITOR))
        return await records.get(f"/v1/records/{request_id}/bundle", headers=headers)

    return fetch


async def test_a_filed_request_is_exported_and_valid(filed, fetch, records, as_):
    answer = await fetch(filed.request_id)
    told = await records.get("/v1/checkpoints/keys", headers=as_(*AUDITOR))
    keys = [Key.parse(line) for line in told.text.splitlines()]

    report = verify(answer.content, keys)

    assert report.findings == []
    assert (report.request_id, report.leaves, report.documents) == (filed.request_id, 5, 1)
    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert f'filename="{filed.request_id}.zip"' in answer.headers["content-disposition"]
    files, _ = read_archive(answer.content)
    leaf = json.loads(bytes(files["leaves/000001.json"]))
    assert leaf["event"]["data"]["request"]["request_id"] == filed.request_id
    assert leaf["event"]["data"]["request"]["applicant"]["name"].keys() == {"commitment"}
    assert filed.applicant.name in bytes(files["disclosures/000001.json"]).decode()


async def test_who_took_it_stands_in_the_file(filed, fetch, own):
    await fetch(filed.request_id, "auditor", "MAMPU", "wan")
    commits = own.commits.find({"stream": f"request-{filed.request_id}"})
    taken = [
        event_data(event)
        async for commit in commits
        for event in commit["events"]
        if event["type"].endswith("RecordExported.v1")
    ]
    assert [one["by"] for one in taken] == ["wan"]


async def test_a_file_is_verified_here_by_who_may_see_it_and_is_not_taken_away(
    filed, fetch, records, as_, own
):
    address = f"/v1/records/{filed.request_id}/verification"
    answer = await records.get(address, headers=as_("auditor", "MAMPU", "wan"))
    found = answer.json()
    assert (found["valid"], found["findings"]) == (True, [])
    assert (found["leaves"], found["documents"], found["disposed_of"]) == (5, 1, 0)
    assert [proof["index"] for proof in found["proofs"]] == [1, 2, 3, 4, 5]
    told = await records.get("/v1/checkpoints/keys", headers=as_(*AUDITOR))
    assert found["keys"] == told.text.splitlines()
    files, _ = read_archive((await fetch(filed.request_id)).content)
    assert found["proofs"][0]["hashes"] == json.loads(bytes(files["proofs/000001.json"]))["hashes"]

    commits = own.commits.find({"stream": f"request-{filed.request_id}"})
    events = [event async for commit in commits for event in commit["events"]]
    wans = [event["type"] for event in events if event_data(event).get("by") == "wan"]
    assert wans == ["my.gov.bmt.records.RecordViewed.v1"]
    for role, agency, status in (("administrator", "JPA", 404), ("operator", "MAMPU", 403)):
        answer = await records.get(address, headers=as_(role, agency))
        assert answer.status_code == status


async def test_bytes_that_were_changed_at_rest_are_told_to_be_missing(filed, fetch, own):
    before = await own["folios.files"].find_one({})
    changed = bytes([*before["content"][:-1], before["content"][-1] ^ 1])
    await own["folios.files"].update_one({"_id": before["_id"]}, {"$set": {"content": changed}})
    exported = verify((await fetch(filed.request_id)).content)
    await own["folios.files"].replace_one({"_id": before["_id"]}, before)

    assert [finding.wrong for finding in exported.findings] == ["document_missing"]


async def test_what_changed_between_two_moments_is_told_field_by_field(filed, records, as_):
    async def changes(**moments):
        parameters = {name.rstrip("_"): value for name, value in moments.items()}
        url = f"/v1/records/{filed.request_id}/changes"
        return await records.get(url, params=parameters, headers=as_(*AUDITOR))

    whole = (await changes(from_=0)).json()
    at = next(e["index"] for e in whole["events"] if e["type"].endswith(".Approved.v1"))
    decided = (await changes(from_=at - 1, to=at)).json()
    later = (await changes(from_="2100-01-01T00:00:00Z")).json()

    assert (whole["from_version"], whole["to_version"]) == (0, 5)
    assert {"/reference", "/status", "/policy_version"} <= {
        each["pointer"] for each in whole["changes"]
    }
    assert [event["index"] for event in decided["events"]] == [at]
    (decision,) = [each for each in decided["changes"] if each["pointer"] == "/decision"]
    assert (decision["before"], decision["after"]["decision"]) == (None, "approved")
    assert (later["changes"], later["events"]) == ([], [])
    for wrong in ({"from_": -1}, {"from_": "yesterday"}, {}):
        assert (await changes(**wrong)).status_code == 422
    assert (await changes(from_=0, to=0)).status_code == 404
