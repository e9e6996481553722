"""The manual worklist as it runs: an officer of JPA sets IPMS, with evidence."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fixtures.problems import assert_problem, pointers
from fixtures.procedure import approved
from fixtures.samples import APPLICANT, facts
from fixtures.uploads import Archive

from bmt.chassis.runtime import clock
from bmt.chassis.runtime.mongodb import connect
from bmt.contracts import topics
from bmt.contracts.events import Granted
from bmt.contracts.values import Officer

pytestmark = pytest.mark.integration

APPROVER = Officer(subject="faridah", name="Faridah", role="administrator")
ACCOUNT = "lim.jpa@mygovuc.gov.my"


@pytest.fixture
async def archive(surroundings, mongodb) -> AsyncIterator[Archive]:
    """What intake took in."""
    client = connect(mongodb)
    yield Archive(client[f"{surroundings.name}_documents"])
    client.close()


@pytest.fixture
async def screenshot(archive) -> str:
    """A document that each officer of JPA uploaded."""
    for officer in ("hassan", "rahim", APPROVER.subject):
        document_id = await archive.uploaded(b"a picture of the portal", officer, "JPA")
    return document_id


async def approve(wire, kind: str, account: str = ACCOUNT):
    request = facts(
        kind=kind,
        agency="JPA",
        applicant=APPLICANT.model_copy(update={"account": account}),
        **({} if account == ACCOUNT else {"request_id": clock.new_id()}),
    )
    size = None if kind == "termination" else 3000
    granted = Granted(quota_bytes=size, max_file_size_bytes=size)
    said = approved(request, decided_by=APPROVER, decided_at=clock.now(), approved=granted)
    await wire.say(said, sequence=2)
    return request


async def hear(wire, request, *names):
    return await wire.hear(topics.CONFIGURATIONS, request.request_id, *names)


async def open_tasks(client: httpx.AsyncClient, headers) -> list:
    return (await client.get("/v1/tasks?status=open", headers=headers)).json()["items"]


async def test_an_officer_sets_ipms_and_the_storage_follows(
    provisioning, wire, storage, archive, screenshot, as_
):
    approver = ("administrator", "JPA", APPROVER.subject)
    officer = ("administrator", "JPA", "hassan", "Hassan")
    async with provisioning() as client:
        application = await approve(wire, "application")
        _, asked = await hear(wire, application, "ConfigurationStarted", "AwaitingOperator")

        assert await storage.visit(ACCOUNT) == 200
        (task,) = await open_tasks(client, as_(*officer))
        assert task["task_id"] == asked.data["task_id"]
        assert task["instructions"] == asked.data["instructions"]
        assert (task["account"], task["target"], task["status"]) == (ACCOUNT, "ipms", "open")
        assert await open_tasks(client, as_("administrator", "MAMPU")) == []
        address = f"/v1/tasks/{task['task_id']}"

        await _claimed_by_one(client, address, as_, officer, approver)
        await _refused_without_evidence(client, address, as_, officer)
        await _refused_with_what_is_not_theirs(client, address, as_, officer, archive)
        body = {"evidence": [screenshot], "note": "Selesai."}
        by_approver = await client.post(f"{address}/completion", json=body, headers=as_(*approver))
        assert_problem(by_approver, "forbidden")

        headers = as_(*officer)
        done = [
            await client.post(f"{address}/completion", json=body, headers=headers) for _ in "12"
        ]
        assert [answer.status_code for answer in done] == [201, 201]
        assert done[0].json() == done[1].json()
        assert done[0].json()["evidence"] == [screenshot]
        *_, configured = await hear(
            wire, application, "ConfigurationStarted", "AwaitingOperator", "Configured"
        )
        assert configured.data["configured_by"]["subject"] == "hassan"
        storage_proof, ipms_proof = configured.data["evidence"]
        assert (storage_proof["connector"], storage_proof["document_id"]) == ("copyparty", None)
        assert (ipms_proof["connector"], ipms_proof["document_id"]) == ("worklist", screenshot)
        assert storage_proof["read_back_at"]
        assert ipms_proof["read_back_at"] is None
        assert ipms_proof["confirmed_by"]["subject"] == "hassan"
        assert ipms_proof["confirmed_at"] == done[0].json()["completed_at"]
        again = await client.post(f"{address}/completion", json=body, headers=as_(*officer))
        assert_problem(again, "request_closed")
        assert await open_tasks(client, as_(*officer)) == []

        await _terminated_by_an_operator(client, wire, storage, body, as_)


async def _claimed_by_one(client, address, as_, officer, approver) -> None:
    claim = await client.post(f"{address}/claim", headers=as_(*officer))
    assert (claim.status_code, claim.json()["claimed_by"]["subject"]) == (201, "hassan")
    assert (await client.post(f"{address}/claim", headers=as_(*officer))).status_code == 201
    second = ("administrator", "JPA", "zainab")
    problem = assert_problem(
        await client.post(f"{address}/claim", headers=as_(*second)), "already_decided"
    )
    assert problem["decision"]["decided_by"]["subject"] == "hassan"
    assert_problem(await client.post(f"{address}/claim", headers=as_(*approver)), "forbidden")
    stranger = await client.post(f"{address}/claim", headers=as_("administrator", "MAMPU"))
    assert_problem(stranger, "not_found")
    (task,) = await open_tasks(client, as_(*officer))
    assert task["claimed_by"]["subject"] == "hassan"


async def _refused_without_evidence(client, address, as_, officer) -> None:
    for body in ({"evidence": []}, {"note": "Selesai."}):
        answer = await client.post(f"{address}/completion", json=body, headers=as_(*officer))
        assert pointers(assert_problem(answer, "validation_failed")) == {"/evidence"}
    unknown = {"evidence": ["sha256:" + "0" * 64]}
    answer = await client.post(f"{address}/completion", json=unknown, headers=as_(*officer))
    assert pointers(assert_problem(answer, "document_unknown")) == {"/evidence/0"}


async def _refused_with_what_is_not_theirs(client, address, as_, officer, archive) -> None:
    """Another agency's document, and a colleague's, are as one that never was."""
    answers = []
    for document_id in (
        await archive.uploaded(b"of another agency", "aminah", "MAMPU"),
        await archive.uploaded(b"of this one once", officer[2], "MAMPU"),
        await archive.uploaded(b"of a colleague", "zainab", "JPA"),
        "sha256:" + "0" * 64,
    ):
        body = {"evidence": [document_id]}
        answer = await client.post(f"{address}/completion", json=body, headers=as_(*officer))
        problem = assert_problem(answer, "document_unknown")
        answers.append({**problem, "instance": ""})
    assert all(one == answers[0] for one in answers)


async def _terminated_by_an_operator(client, wire, storage, body, as_) -> None:
    termination = await approve(wire, "termination")
    *_, asked = await hear(wire, termination, "ConfigurationStarted", "AwaitingOperator")
    assert await storage.visit(ACCOUNT) == 200
    address = f"/v1/tasks/{asked.data['task_id']}"
    operator = ("operator", "JPA", "rahim", "Rahim")
    stranger = await client.post(f"{address}/claim", headers=as_("operator", "MAMPU"))
    assert_problem(stranger, "not_found")
    (task,) = await open_tasks(client, as_(*operator))
    assert task["request_id"] == termination.request_id
    claim = await client.post(f"{address}/claim", headers=as_(*operator))
    assert claim.json()["claimed_by"]["role"] == "operator"
    done = await client.post(f"{address}/completion", json=body, headers=as_(*operator))
    assert done.status_code == 201
    *_, configured = await hear(
        wire, termination, "ConfigurationStarted", "AwaitingOperator", "Configured"
    )
    assert configured.data["effective"]["storage"]["enabled"] is False
    by = {"subject": "rahim", "name": "Rahim", "role": "operator"}
    assert configured.data["configured_by"] == by
    assert await storage.visit(ACCOUNT) in {403, 404}


async def test_a_colleague_takes_over_from_an_officer_who_fell_ill(
    provisioning, wire, screenshot, as_
):
    hassan, zainab, rahim = (
        ("administrator", "JPA", name, name.title()) for name in ("hassan", "zainab", "rahim")
    )
    approver = ("administrator", "JPA", APPROVER.subject)
    async with provisioning() as client:
        asked = await approve(wire, "application")
        await hear(wire, asked, "ConfigurationStarted", "AwaitingOperator")
        (task,) = await open_tasks(client, as_(*hassan))
        address = f"/v1/tasks/{task['task_id']}"

        async def take_over(who, claimed_by="hassan", reason="Cuti sakit."):
            body = {"claimed_by": claimed_by, "reason": reason}
            return await client.post(f"{address}/takeover", json=body, headers=as_(*who))

        nobody = assert_problem(await take_over(zainab), "validation_failed")
        assert pointers(nobody) == {"/claimed_by"}
        await client.post(f"{address}/claim", headers=as_(*hassan))
        no_reason = assert_problem(await take_over(zainab, reason=" "), "validation_failed")
        assert pointers(no_reason) == {"/reason"}
        separated = assert_problem(await take_over(approver), "forbidden")
        assert "another officer must configure it" in separated["detail"]
        assert_problem(await take_over(("administrator", "MAMPU")), "not_found")

        taken = await take_over(zainab)
        assert taken.status_code == 201
        assert taken.json()["taken_over_from"]["subject"] == "hassan"
        late = assert_problem(await take_over(rahim), "already_decided")
        assert late["decision"]["decided_by"]["subject"] == "zainab"
        again = await take_over(zainab)
        assert (again.status_code, again.json()["taken_over_from"]) == (201, None)

        shown = (await client.get(address, headers=as_(*rahim))).json()
        assert (shown["claimed_by"]["subject"], shown["taken_over_from"]["subject"]) == (
            "zainab",
            "hassan",
        )
        body = {"evidence": [screenshot], "note": "Selesai."}
        done = await client.post(f"{address}/completion", json=body, headers=as_(*hassan))
        assert done.json()["completed_by"]["subject"] == "hassan"
        await hear(wire, asked, "ConfigurationStarted", "AwaitingOperator", "Configured")


async def test_a_task_tells_all_that_who_does_it_needs_and_then_what_was_read_back(
    provisioning, wire, screenshot, as_
):
    officer = as_("administrator", "JPA", "hassan", "Hassan")
    async with provisioning() as client:

        async def listed(status: str) -> list[str]:
            answer = await client.get(f"/v1/tasks?status={status}", headers=officer)
            return [one["task_id"] for one in answer.json()["items"]]

        asked = await approve(wire, "application")
        _, awaited = await hear(wire, asked, "ConfigurationStarted", "AwaitingOperator")
        task_id = awaited.data["task_id"]
        address = f"/v1/tasks/{task_id}"

        task = (await client.get(address, headers=officer)).json()
        assert (task["reference"], task["applicant_name"]) == (asked.reference, APPLICANT.name)
        assert task["settings"] == [
            {"target": "ipms", "setting": "bmt_enabled", "from": None, "to": True},
            {"target": "ipms", "setting": "max_file_size_bytes", "from": None, "to": 3000},
        ]
        assert task["due_at"] == awaited.data["due_at"]
        assert (task["request_status"], task["effective"]) == ("awaiting_operator", None)
        assert (await listed("open"), await listed("claimed")) == ([task_id], [])
        for stranger in (as_("administrator", "MAMPU"), as_("operator", "")):
            assert_problem(await client.get(address, headers=stranger), "not_found")

        await client.post(f"{address}/claim", headers=officer)
        assert await listed("open") == await listed("claimed") == [task_id]
        body = {"evidence": [screenshot], "note": "Selesai."}
        officer = as_("administrator", "JPA", "hassan", "Hassan")
        assert (await client.post(f"{address}/completion", json=body, headers=officer)).is_success
        await hear(wire, asked, "ConfigurationStarted", "AwaitingOperator", "Configured")

        done = (await client.get(address, headers=officer)).json()
        assert (done["status"], done["request_status"]) == ("completed", "configured")
        assert (done["evidence"], done["note"]) == ([screenshot], "Selesai.")
        assert done["effective"]["ipms"] == {"bmt_enabled": True, "max_file_size_bytes": 3000}
        assert done["effective"]["storage"]["quota_bytes"] == 3000
        assert [one["document_id"] for one in done["proof"]] == [None, screenshot]
        assert (await listed("done"), await listed("open"), await listed("claimed")) == (
            [task_id],
            [],
            [],
        )
        wrong = await client.get("/v1/tasks?status=finished", headers=officer)
        assert pointers(assert_problem(wrong, "validation_failed")) == {"/query/status"}


HEADING = ("task_id", "account", "bmt_enabled", "max_file_size_bytes", "result", "message")


def written(*rows) -> bytes:
    """A portal's report, as a spreadsheet saves it."""
    return "\r\n".join(";".join(row) for row in (HEADING, *rows)).encode("utf-8-sig")


def unicode_text(*rows) -> bytes:
    """The same, as Excel's "Unicode text", with the line that names the separator."""
    return "\r\n".join(["sep=\t", *("\t".join(row) for row in (HEADING, *rows))]).encode("utf-16")


async def test_a_report_of_the_portal_completes_what_it_says_is_done_and_nothing_twice(
    provisioning, wire, archive, as_
):
    officer = ("administrator", "JPA", "hassan", "Hassan")
    accounts = [f"pegawai{number}.jpa@mygovuc.gov.my" for number in range(4)]
    async with provisioning() as client:
        for account in accounts:
            asked = await approve(wire, "application", account)
            await hear(wire, asked, "ConfigurationStarted", "AwaitingOperator")
        stranger = await client.get("/v1/tasks/bulk-changes", headers=as_("administrator", "KPM"))
        assert stranger.text.splitlines() == ["task_id,account,bmt_enabled,max_file_size_bytes"]
        changes = await client.get("/v1/tasks/bulk-changes", headers=as_(*officer))
        assert changes.headers["content-type"] == "text/csv; charset=utf-8"
        _, *lines = (line.split(",") for line in changes.text.splitlines())
        assert {tuple(line[1:]) for line in lines} == {(one, "true", "3000") for one in accounts}
        ids = {line[1]: line[0] for line in lines}

        async def report(content, **headers):
            document = await archive.uploaded(content, "hassan", "JPA", "laporan.csv")
            body = {"document_id": document, "note": "Perubahan pukal."}
            return document, await client.post(
                "/v1/tasks/bulk-report", json=body, headers={**as_(*officer), **headers}
            )

        rows = (
            (ids[accounts[0]], accounts[0], "TRUE", "3000", "Berjaya", ""),
            (ids[accounts[1]], accounts[1], "TRUE", "3000", "gagal", "Akaun dikunci"),
            (ids[accounts[2]], accounts[2], "TRUE", "2000", "ok", ""),
            (ids[accounts[3]], accounts[3], "TRUE", "3000", "mungkin", ""),
            ("00000000-0000-7000-8000-000000000000", "", "", "", "ok", ""),
        )
        key = {"Idempotency-Key": "laporan-1"}
        document, first = await report(written(*rows), **key)
        assert first.status_code == 200
        found = [(one["outcome"], one["message"]) for one in first.json()["results"]]
        assert found == [
            ("completed", None),
            ("failed", "Akaun dikunci"),
            ("differs", None),
            ("unclear", None),
            ("unknown", None),
        ]
        assert first.json()["results"][2]["differs"] == ["max_file_size_bytes"]
        _, again = await report(written(*rows), **key)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.json() == first.json()

        whole = [(ids[one], one, "true", "3000", "ok", "") for one in accounts]
        by_approver = await archive.uploaded(written(*whole[1:2]), APPROVER.subject, "JPA")
        refused = await client.post(
            "/v1/tasks/bulk-report",
            json={"document_id": by_approver},
            headers=as_("administrator", "JPA", APPROVER.subject),
        )
        (line,) = refused.json()["results"]
        assert (line["outcome"], line["problem"]["code"]) == (
            "refused",
            "approver_may_not_configure",
        )
        in_excel = [(*row[:3], "3E+03", *row[4:]) for row in whole]
        _, second = await report(unicode_text(*in_excel))
        outcomes = [one["outcome"] for one in second.json()["results"]]
        assert outcomes == ["completed_before", "completed", "completed", "completed"]
        _, twice = await report(written(whole[0], whole[0]))
        assert [one["outcome"] for one in twice.json()["results"]] == ["repeated"] * 2
        assert await open_tasks(client, as_(*officer)) == []
        done = await client.get(f"/v1/tasks/{ids[accounts[0]]}", headers=as_(*officer))
        assert (done.json()["evidence"], done.json()["note"]) == ([document], "Perubahan pukal.")


async def test_what_is_no_report_is_refused_whole(provisioning, archive, as_):
    contents = {
        b" ": "columns_missing",
        b"account,result\nlim,ok\n": "columns_missing",
        b"task_id;hasil\n1;ok\n": "columns_missing",
        b"task_id,result\n\xff,ok\n": "not_utf_8",
        b"task_id,result\n" + b"1,ok\n" * 1001: "too_many_lines",
        b'task_id,result\n"1,ok\n': "wrong_form",
    }
    async with provisioning() as client:
        for content, code in contents.items():
            document = await archive.uploaded(content, "hassan", "JPA", "laporan.csv")
            officer = as_("administrator", "JPA", "hassan", "Hassan")
            body = {"document_id": document}
            answer = await client.post("/v1/tasks/bulk-report", json=body, headers=officer)
            (fault,) = assert_problem(answer, "validation_failed")["errors"]
            assert (fault["pointer"], fault["code"]) == ("/document_id", code)
        document = await archive.uploaded(b"x" * (1024 * 1024 + 1), "hassan", "JPA", "laporan.csv")
        body = {"document_id": document}
        answer = await client.post("/v1/tasks/bulk-report", json=body, headers=officer)
        assert assert_problem(answer, "too_large")["limit_bytes"] == 1024 * 1024
