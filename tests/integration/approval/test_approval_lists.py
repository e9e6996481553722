"""Approval's lists over HTTP: the worklist narrowed and counted, what changed, documents, live changes."""

import asyncio
import json
from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
from eventually import eventually
from fixtures.problems import assert_problem, pointers
from fixtures.samples import APPLICANT, received

from bmt.chassis.runtime.clock import new_id, now
from bmt.contracts.values import Document

pytestmark = pytest.mark.integration

EARLY, LATE = "2025-11-24T01:30:00Z", "2099-01-01T00:00:00Z"


async def ids(office, path, agency="MAMPU", **asked):
    answer = await office.get(path, agency, limit=200, **asked)
    assert answer.status_code == 200, answer.text
    return [one["request_id"] for one in answer.json()["items"]]


async def test_the_worklist_is_narrowed(office):
    plain = (await office.receives()).request_id
    ending = (await office.receives(kind="termination")).request_id
    warned = (await office.receives(warnings=("not_serving",))).request_id
    all_of_them = {plain, ending, warned}
    for asked, expected in (
        ({"kind": "termination"}, {ending}),
        ({"warned": True}, {warned}),
        ({"warned": False}, {plain, ending}),
        ({"due_before": EARLY}, set()),
        ({"due_before": LATE}, all_of_them),
        ({"channel": "memo"}, set()),
        ({"request_id": [plain, warned, new_id()], "warned": False}, {plain}),
        ({"kind": "application", "warned": False, "due_before": LATE}, {plain}),
    ):
        assert set(await ids(office, "/v1/worklist", **asked)) & all_of_them == expected


async def test_what_waits_and_what_changed_is_counted(office):
    request = await office.receives(agency="JPA")
    await office.receives(agency="JPA")
    before = (await office.get("/v1/worklist/counts", "JPA", changed_since=EARLY)).json()
    assert (before["open"], before["overdue"], before["changed"]) == (2, 2, 2)
    since = now().isoformat()
    await office.decide(request, "approve", "administrator", "JPA")
    after = (await office.get("/v1/worklist/counts", "JPA", changed_since=since)).json()
    assert (after["open"], after["changed"]) == (1, 1)
    assert "changed" not in (await office.get("/v1/worklist/counts", "JPA")).json()


async def test_what_changed_is_listed_latest_first_and_page_by_page(office):
    first, second = [await office.receives(agency="KPM") for _ in range(2)]
    await office.decide(first, "reject", "administrator", "KPM", "siti", "Siti", reason="Tidak.")
    assert await ids(office, "/v1/requests", "KPM") == [first.request_id, second.request_id]
    page = (await office.get("/v1/requests", "KPM", limit=1)).json()
    (one,) = page["items"]
    assert (one["status"], one["last_step"]["by"]) == ("rejected", "siti")
    assert (one["reference"], one["applicant"]["name"]) == (first.reference, "Ahmad bin Daud")
    rest = (await office.get("/v1/requests", "KPM", cursor=page["next_cursor"])).json()
    assert [one["request_id"] for one in rest["items"]] == [second.request_id]
    later = (now() + timedelta(seconds=1)).isoformat()
    assert await ids(office, "/v1/requests", "KPM", changed_since=later) == []


async def test_requests_are_found_by_who_asked_whatever_became_of_them_in_their_own_agency(office):
    named = APPLICANT.model_copy(update={"name": "Zubàidah binti Osman", "email": "zu.os@moe.my"})
    open_one = await office.receives(applicant=named)
    decided = await office.receives(applicant=named, reference="BMT-MAMPU-2026-7K3QF9ZT")
    await office.decide(decided, "reject", reason="Tidak perlu.")
    elsewhere = await office.receives(agency="JPA", applicant=named)
    for q in ("zubaidah", "osm zubaid", "ZU.OS@moe.my", "zubaidah BINTI"):
        assert await ids(office, "/v1/requests", q=q) == [decided.request_id, open_one.request_id]
    assert await ids(office, "/v1/requests", q="no. bmt mampu 2026 7k3q f9zt") == [
        decided.request_id
    ]
    assert await ids(office, "/v1/requests", q="zubaidah kamal") == []
    assert await ids(office, "/v1/requests", "JPA", q="zubaidah") == [elsewhere.request_id]
    answer = await office.get("/v1/requests", q="x" * 201)
    assert pointers(assert_problem(answer, "validation_failed")) == {"/query/q"}


async def test_what_somebody_did_is_listed_for_them_and_counted(office, as_):
    mine, other = [await office.receives() for _ in range(2)]
    headers = as_("administrator", "MAMPU", "rosnah", "Rosnah")
    before = (await office.client.get("/v1/worklist/counts", headers=headers)).json()
    who = ("administrator", "MAMPU", "rosnah", "Rosnah")
    await office.decide(mine, "reject", *who, reason="Tidak perlu.")
    await office.decide(other, "reject", reason="Tidak perlu.")
    for order in ("changed_at", "name", "kind"):
        asked = {"by_me": True, "order": order}
        listed = (await office.client.get("/v1/requests", headers=headers, params=asked)).json()
        assert [one["request_id"] for one in listed["items"]] == [mine.request_id]
    answer = await office.get("/v1/requests", order="name")
    assert pointers(assert_problem(answer, "validation_failed")) == {"/query/order"}
    after = (await office.client.get("/v1/worklist/counts", headers=headers)).json()
    assert (before["done_by_caller"], after["done_by_caller"]) == (0, 1)


async def test_ones_own_request_waits_for_others(office, as_):
    headers = as_("administrator", "MAMPU", "hamid", "Hamid")
    before = (await office.client.get("/v1/worklist/counts", headers=headers)).json()
    account = APPLICANT.model_copy(update={"account": "HAMID"})
    own = await office.receives(applicant=account)
    await office.receives()
    after = (await office.client.get("/v1/worklist/counts", headers=headers)).json()
    assert after["open"] - before["open"] == 2
    assert after["for_caller"] - before["for_caller"] == 1
    listed = await office.client.get("/v1/worklist", headers=headers, params={"limit": 200})
    found = {one["request_id"]: one for one in listed.json()["items"]}
    assert found[own.request_id]["withheld"] == "own_request"
    assert {one["withheld"] for one in found.values()} == {None, "own_request"}
    assert found[own.request_id]["channel"] == own.channel
    assert found[own.request_id]["quota_bytes"] == own.quota_bytes


ORDERS = {
    "due_at": lambda one: one["due_at"],
    "name": lambda one: one["applicant"]["name"],
    "kind": lambda one: one["kind"],
    "channel": lambda one: one["channel"],
    "quota_bytes": lambda one: one["quota_bytes"] or 0,
    "received_at": lambda one: one["received_at"],
}


async def test_the_worklist_is_sorted_both_ways_page_by_page(office):
    for name, more in (
        ("Cik Cempaka", {"channel": "form"}),
        ("Abu", {"channel": "event", "kind": "termination", "quota_bytes": None}),
        ("Bakar", {"channel": "memo", "quota_bytes": 5}),
        ("Dahlia", {"channel": "form", "kind": "termination", "quota_bytes": None}),
    ):
        named = APPLICANT.model_copy(update={"name": name, "account": "x.kpm"})
        await office.receives(agency="KPM", applicant=named, **more)

    async def listed(**asked):
        found, cursor = [], {}
        while True:
            page = (await office.get("/v1/worklist", "KPM", limit=2, **asked, **cursor)).json()
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    for order, by in ORDERS.items():
        shown = await listed(order=order)
        assert await listed(order=order, descending=True) == shown[::-1]
        values = [by(one) for one in shown]
        assert len(values) >= 4
        assert values == sorted(values)


async def test_the_place_of_another_order_is_refused(office):
    cursor = urlsafe_b64encode(b'["Abu","x"]').decode()
    for order in ("due_at", "received_at", "quota_bytes"):
        answer = await office.get("/v1/worklist", "KPM", cursor=cursor, order=order)
        assert pointers(assert_problem(answer, "validation_failed")) == {"/query/cursor"}


async def test_requests_are_named_by_their_ids_to_their_own_agency(office):
    mine = [(await office.receives()).request_id for _ in range(2)]
    other = (await office.receives(agency="JPA")).request_id
    asked = {"request_id": [*mine, other, "nonsense"]}
    assert set(await ids(office, "/v1/requests", **asked)) == set(mine)
    assert await ids(office, "/v1/requests", "JPA", **asked) == [other]
    answer = await office.get("/v1/requests", request_id=[new_id() for _ in range(101)])
    assert pointers(assert_problem(answer, "validation_failed")) == {"/query/request_id"}


async def test_what_somebody_has_taken_is_seen_by_colleagues_who_may_decide_it_all_the_same(office):
    mine, free = [(await office.receives(agency="JPA")).request_id for _ in range(2)]
    siti, hamid = [("administrator", "JPA", who, who.title()) for who in ("siti", "hamid")]

    async def act(method, *who, request_id=mine, key=""):
        path = f"/v1/requests/{request_id}/assignment"
        return await office.client.request(method, path, headers=office.as_(*who, key=key))

    async def listed(*who, **asked):
        answer = await office.client.get("/v1/worklist", headers=office.as_(*who), params=asked)
        found = {one["request_id"]: one.get("assignment") for one in answer.json()["items"]}
        return {id_: found[id_] for id_ in (mine, free) if id_ in found}

    first = await act("POST", *siti, key="take")
    assert first.status_code == 201
    taken = first.json()["assignment"]
    assert (taken["by"]["name"], taken["until"] > taken["at"]) == ("Siti", True)
    again = await act("POST", *siti, key="take")
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    for method in ("POST", "DELETE"):
        refused = assert_problem(await act(method, *hamid), "already_assigned")
        assert refused["assignment"] == taken
    assert await listed(*hamid, limit=200) == {mine: taken, free: None}
    assert await listed(*siti, assigned="me") == {mine: taken}
    assert await listed(*hamid, assigned="me") == {}
    assert await listed(*hamid, assigned="nobody", limit=200) == {free: None}
    assert (await office.get(f"/v1/requests/{mine}", "JPA")).json()["assignment"] == taken
    assert (await act("DELETE", *siti)).json() == {"assignment": None}
    assert await listed(*siti, assigned="me") == {}
    assert (await act("POST", *hamid)).status_code == 201
    decided = await office.decide(mine, "reject", *siti, reason="Tidak perlu.")
    assert decided.status_code == 201
    assert_problem(await act("POST", "administrator", "MAMPU"), "not_found")
    assert_problem(await act("POST", *siti, request_id="nonsense"), "not_found")


async def test_of_two_who_take_at_once_one_has_it(office):
    request_id = (await office.receives()).request_id
    path = f"/v1/requests/{request_id}/assignment"
    people = [office.as_("administrator", "MAMPU", f"pegawai{n}", f"Pegawai {n}") for n in range(4)]
    answers = await asyncio.gather(*(office.client.post(path, headers=one) for one in people))
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    names = {one.json()["assignment"]["by"]["name"] for one in answers}
    assert len(names) == 1


@pytest.mark.parametrize("moment", ["yesterday", "2025-11-24", "123", "0001-01-01T00:00:00+14:00"])
async def test_a_time_that_is_none_is_refused(office, moment):
    for path, name in (
        ("worklist", "due_before"),
        ("worklist/counts", "changed_since"),
        ("worklist/live", "since"),
        ("requests", "changed_since"),
    ):
        answer = await office.get(f"/v1/{path}", **{name: moment})
        assert pointers(assert_problem(answer, "validation_failed")) == {f"/query/{name}"}


async def test_documents_of_a_request_and_of_its_comments_are_read_by_its_agency(office, archive):
    form = await archive.uploaded(b"borang", "ahmad", filename="borang.pdf")
    memo = await archive.uploaded(b"memo", "siti", filename="memo.pdf")
    request = await office.receives(agency="MAMPU")
    named = Document(
        document_id=form, filename="borang é.pdf", media_type="application/pdf", size_bytes=6
    )
    await office.wire.say(received(request, documents=(named,)), sequence=2)
    path = f"/v1/requests/{request.request_id}"

    async def shown():
        answer = await office.get(f"{path}/documents/{form}")
        assert answer.status_code == 200, answer.text
        return answer

    answer = await eventually(shown)
    assert (answer.content, answer.headers["content-type"]) == (b"borang", "application/pdf")
    assert (
        answer.headers["content-disposition"] == "attachment; filename*=UTF-8''borang%20%C3%A9.pdf"
    )

    assert_problem(await office.get(f"{path}/documents/{memo}"), "not_found")
    written = {"text": "Lihat.", "documents": [memo]}
    headers = office.as_("administrator", "MAMPU", "siti")
    answer = await office.client.post(f"{path}/comments", headers=headers, json=written)
    assert answer.status_code == 201, answer.text
    assert (await office.get(f"{path}/documents/{memo}")).content == b"memo"
    owner = office.as_("administrator", "MAMPU", request.applicant.account)
    answer = await office.client.get(f"{path}/documents/{memo}", headers=owner)
    assert_problem(answer, "not_found")
    for agency, document in (("JPA", form), ("MAMPU", "sha256:" + "0" * 64)):
        assert_problem(await office.get(f"{path}/documents/{document}", agency), "not_found")


async def test_a_document_that_is_no_longer_kept_is_not_found(office):
    request = await office.receives()
    path = f"/v1/requests/{request.request_id}/documents/sha256:{'0' * 64}"
    assert_problem(await office.get(path), "not_found")


async def test_live_changes_are_events_of_the_agencys_requests(office):
    request = await office.receives(applicant=APPLICANT)
    path, begun = f"/v1/requests/{request.request_id}/live", now().isoformat()

    async def told(where, name, value, **asked):
        answer = await office.get(where, seconds=1, **asked)
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "event: changed" in answer.text
        data = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
        assert json.loads(data[-1])[name] == value

    of_request = asyncio.create_task(eventually(lambda: told(path, "step", "rejected", steps=1)))
    of_agency = asyncio.create_task(
        eventually(lambda: told("/v1/worklist/live", "count", 1, since=begun))
    )
    await office.decide(request, "reject", reason="Tidak.")
    await asyncio.gather(of_request, of_agency)
    assert_problem(await office.get(path, "JPA", steps=1), "not_found")
    assert_problem(await office.get(path), "validation_failed")
