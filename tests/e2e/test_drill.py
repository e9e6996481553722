"""The drill: the system of these tests is backed up under load, and another one goes on from the copy (`make drill`)."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from eventually import eventually
from fixtures.outside import Caller, application, registered
from fixtures.thoroughness import LONG
from typer.testing import CliRunner

from bmt.chassis.runtime.mongodb import connect
from bmt.cli.main import app
from evaluation.issuer import administrator, holder, mint
from evaluation.ports import free_base

pytestmark = pytest.mark.e2e

REQUESTS, AT_ONCE = (200, 4) if LONG else (6, 2)
"""Handed in while it is backed up. Of each kind that stands still somewhere there is one before."""
SECONDS = 240.0
PDF = b"%PDF-1.4 bukti"
AGENCIES = {"MAMPU": "mampu", "JPA": "jpa"}


async def bmt(*arguments):
    """What the command answers in JSON, or prints; in this process, which has imported it already."""
    done = await asyncio.to_thread(CliRunner().invoke, app, list(arguments))
    assert done.exit_code == 0, (arguments, done.stdout, done.stderr)
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


async def in_its_own_process(*arguments):
    """As `bmt`: for what starts or ends a system."""
    line = [sys.executable, "-m", "bmt.cli.main", *arguments]
    done = await asyncio.to_thread(subprocess.run, line, capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


@asynccontextmanager
async def system(data):
    """The ready file of a system that runs on a data directory."""
    where = ("--data", str(data))
    await in_its_own_process("up", "--detach", "--quiet", *where, "--port-base", str(free_base()))
    try:
        yield json.loads((data / "ready.json").read_text())
    finally:
        await in_its_own_process("down", *where)


class People:
    """The officers of both agencies, and an auditor."""

    def __init__(self, http, ready):
        minter = mint(ready["issuer"], Path(ready["data"]) / "issuer" / "key.json")
        self.http, self.ready = http, ready
        self.officers = {
            agency: Caller(http, ready, minter.token(administrator(agency))) for agency in AGENCIES
        }
        self.auditor = Caller(http, ready, minter.token(holder(["auditor"])))

    def __getitem__(self, agency):
        return self.officers[agency]


async def one_of_each_kind(people, http, ready):
    """Requests that stand still at each step, by where."""
    mampu, jpa = people["MAMPU"], people["JPA"]
    document = (await mampu.upload(b"borang")).json()["document_id"]
    found = {}
    for where in ("open", "filed", "returned", "withdrawn"):
        account = await registered(http, ready)
        found[where] = await mampu.submit(account=account, documents=[document])
    decided = await mampu.decide(found["filed"], "approve")
    assert decided.status_code == 201, decided.text
    await mampu.decide(found["returned"], "return", reason="Sila betulkan.")
    await mampu.post(
        "intake", f"/v1/requests/{found['withdrawn']}/withdrawal", {"reason": "Tidak."}
    )
    account = await registered(http, ready, "jpa")
    found["by hand"] = await jpa.submit(agency="JPA", account=account)
    await jpa.decide(found["by hand"], "approve")
    await mampu.until(found["filed"], "filed", seconds=SECONDS)
    await mampu.until(found["returned"], "returned", seconds=SECONDS)
    await mampu.until(found["withdrawn"], "filed", seconds=SECONDS)
    await jpa.until(found["by hand"], "awaiting_operator", seconds=SECONDS)
    message = {"Content-Type": "message/rfc822"}
    text = b"Subject: Tanya\n\nBoleh saya memohon?\n"
    answer = await mampu.post("intake", "/v1/emails", content=text, headers=message)
    assert answer.status_code == 202, answer.text
    found["inbox"] = answer.json()["inbox_item_id"]
    return found


async def backed_up(people, http, ready, run):
    """`run` backs up while requests are handed in and decided, and some more come after it.

    What it answers, and when each request was answered, by its id.
    """
    answered, half = {}, asyncio.Event()
    mampu = people["MAMPU"]
    accounts = [await registered(http, ready) for _ in range(REQUESTS + AT_ONCE)]

    async def hand_in(account):
        answer = await mampu.post("intake", "/v1/requests", application(account))
        assert answer.status_code == 201, answer.text
        request_id = answer.json()["request_id"]
        answered[request_id] = time.time()
        await mampu.once_known("approval", f"/v1/requests/{request_id}")
        decided = await mampu.decide(request_id, "approve")
        assert decided.status_code == 201, decided.text

    async def load():
        for start in range(0, REQUESTS, AT_ONCE):
            await asyncio.gather(*map(hand_in, accounts[start : start + AT_ONCE]))
            if start >= REQUESTS // 3:
                half.set()

    async def back_up():
        await half.wait()
        return await run()

    taken, _ = await asyncio.gather(back_up(), load())
    await asyncio.gather(*map(hand_in, accounts[REQUESTS:]))
    return taken, answered


def ipms_is_the_same(data, new):
    """It is not ours, so a backup lacks it; what is under way in the copy asks it from the first moment."""
    shutil.copytree(Path(data) / "ipms", new / "ipms", dirs_exist_ok=True)


async def nothing_is_filed_that_nobody_decided(ready):
    """Every event in the record is in its writer's commits: no effect is kept whose cause is lost."""
    client = connect(ready["mongodb"]["uri"])
    events = set()
    for service in ("intake", "approval", "provisioning", "notification", "records"):
        events |= set(await client[f"bmt_{service}"].commits.distinct("events.id"))
    leaves = await client.bmt_records.leaves.distinct("_id", {"request_id": {"$ne": "ledger"}})
    client.close()
    assert leaves
    assert set(leaves) <= events


async def test_a_system_goes_on_from_a_backup_that_was_taken_under_load(ready, tmp_path):
    """What the other tests left in the system goes with it; it is left behind, not stopped: they use it."""
    key = tmp_path / "key"
    key.write_text(base64.b64encode(os.urandom(32)).decode())
    sealed = ("--key-file", str(key), "--json")
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        people = People(http, ready)
        waiting = await one_of_each_kind(people, http, ready)
        folder = str(tmp_path / "backup")
        taken, answered = await backed_up(
            people, http, ready, lambda: bmt("backup", folder, *sealed, "--data", ready["data"])
        )
        left_at = time.time()

        began = time.monotonic()
        new = tmp_path / "new"
        base = str(free_base())
        where = ("--data", str(new), "--port-base", base)
        done = await in_its_own_process("restore", folder, *sealed, *where)
        restored_in = time.monotonic() - began
        assert json.loads(done)["restored"]
        ipms_is_the_same(ready["data"], new)
        async with system(new) as other:
            serving_in = time.monotonic() - began
            people = People(http, other)
            await nothing_is_filed_that_nobody_decided(other)
            cut = datetime.fromisoformat(taken["cut_at"]).timestamp()
            assert (await bmt("records", "verify", "--data", str(new), "--json"))["valid"]

            kept = [id_ for id_ in answered if await is_known(people["MAMPU"], id_)]
            before = {id_ for id_, at in answered.items() if at < cut}
            assert before <= set(kept), "what was answered before the backup's moment is in it"
            assert len(kept) <= len(answered) - AT_ONCE, "what came after it is not"
            await everything_goes_on(people, http, other, waiting, kept)
            goes_on_in = time.monotonic() - began
            await bmt("views", "rebuild", "--data", str(new))
            assert await eventually(lambda: settled(new), SECONDS)
            assert (await bmt("records", "verify", "--data", str(new), "--json"))["valid"]
            await rights_that_went_are_given_again(other)
    sys.stderr.write(
        f"\ndrill: {taken['documents']} documents, {taken['size_bytes'] / 1e6:.1f} MB; "
        f"RPO {left_at - cut:.0f} s ({len(answered) - len(kept)} requests answered after the backup's moment); "
        f"RTO {serving_in:.0f} s (restored in {restored_in:.0f} s), all that was open decided and filed after {goes_on_in:.0f} s\n"
    )


async def rights_that_went_are_given_again(ready):
    """`bmt migrate` finds what an earlier version, or somebody, left otherwise."""
    client = connect(ready["mongodb"]["uri"])
    await client.admin.command("revokeRolesFromUser", "pruner", roles=["pruner"])
    client.close()
    for expected in ([{"about": "MongoDB", "what": "rights of pruner"}], []):
        assert (await bmt("migrate", "--data", ready["data"], "--json"))["changes"] == expected


async def is_known(who, request_id):
    return (await who.get("intake", f"/v1/requests/{request_id}")).status_code == 200


async def settled(data):
    """`bmt status` finds all recorded and published; what people have still to see to came with the copy."""
    asked = ["status", "--json", "--data", str(data)]
    found = json.loads((await asyncio.to_thread(CliRunner().invoke, app, asked)).stdout)
    assert found["missing"] == []
    waits = {n: (one["outbox_pending"], one["parked"]) for n, one in found["services"].items()}
    assert set(waits.values()) == {(0, 0)}, waits
    # The storage of the new one is empty, which its first comparison finds, and holds back as too much to be believed.
    of_people = {"configurations_failed", "letters_open", "drift_held_back"}
    wrong = {one["code"] for one in found["findings"]} - of_people
    assert not wrong, wrong
    return True


async def everything_goes_on(people, http, ready, waiting, kept):
    """What stood still is carried on by people, what was under way by itself, and there is something new."""
    mampu, jpa = people["MAMPU"], people["JPA"]
    decided = await eventually(lambda: approves(mampu, waiting["open"]), SECONDS)
    assert decided
    corrected = application(
        (await mampu.get("intake", f"/v1/requests/{waiting['returned']}")).json()["applicant"][
            "account"
        ]
    )
    answer = await mampu.post("intake", f"/v1/requests/{waiting['returned']}/correction", corrected)
    assert answer.status_code == 201, answer.text
    await eventually(lambda: approves(mampu, waiting["returned"], 201), SECONDS)

    async def task():
        items = (
            await jpa.get("provisioning", "/v1/tasks", params={"status": "open", "limit": 200})
        ).json()["items"]
        return next(one for one in items if one["request_id"] == waiting["by hand"])

    path = f"/v1/tasks/{(await task())['task_id']}"
    assert (await jpa.post("provisioning", f"{path}/claim")).status_code in (200, 201)
    proof = (await jpa.upload(PDF, "application/pdf", "bukti.pdf")).json()["document_id"]
    answer = await jpa.post(
        "provisioning", f"{path}/completion", {"evidence": [proof], "note": "Siap."}
    )
    assert answer.is_success, answer.text
    inbox = (await mampu.get("intake", f"/v1/inbox/{waiting['inbox']}")).json()
    assert inbox["status"] == "waiting"
    for request_id in kept:
        await eventually(lambda id_=request_id: approves(mampu, id_), SECONDS)
    fresh = await mampu.submit(account=await registered(http, ready))
    await mampu.decide(fresh, "approve")
    for request_id in (*kept, fresh, waiting["open"], waiting["returned"], waiting["filed"]):
        await mampu.until(request_id, "filed", seconds=SECONDS)
    await jpa.until(waiting["by hand"], "filed", seconds=SECONDS)


async def approves(who, request_id, *statuses):
    """Whether the decision stands: this one, or (unless other answers are wanted) the one of before."""
    answer = await who.decide(request_id, "approve")
    return answer.status_code in (statuses or (201, 409))
