"""The samples of examples/ taken through the procedure on a new system (SOP 4.1.1, 4.2.1, 6.0)."""

import asyncio
import hashlib
import json
import mailbox
import mimetypes
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console
from rich.table import Table

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import settings
from evaluation import machine, tether
from evaluation.issuer import administrator, mint
from evaluation.layout import REPOSITORY
from evaluation.ports import free_base
from evaluation.ready_file import Document
from evaluation.supervisor import Unready

EXAMPLES: Final = REPOSITORY / "examples"
SECONDS_BETWEEN_LOOKS: Final = 0.1
LONGEST_SECONDS: Final = 60.0
READY_WITHIN_SECONDS: Final = 180
STOPPED_WITHIN_SECONDS: Final = 60
STYLES: Final = {
    "received": "cyan",
    "approved": "green",
    "configuring": "yellow",
    "awaiting_operator": "yellow",
    "configured": "green",
    "notified": "magenta",
    "filed": "bold blue",
}
EXTENSION: Final = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"
_QUOTA: Final = (
    '<?xml version="1.0"?><propfind xmlns="DAV:"><prop><quota-available-bytes/>'
    "<quota-used-bytes/></prop></propfind>"
)

Json = dict[str, Any]
console = Console()


def run() -> None:
    """Start a system, run the samples, show the proof, stop the system.

    Raises:
        CannotRun: the system cannot be started.
        WrongConfiguration: the examples are not there.
    """
    began = time.monotonic()
    wanted = samples()
    machine.refuse_unfit()
    machine.classpath()
    _print_heading("Starting Kafka, MongoDB, mail, IPMS, transfer storage and five services")
    with running() as ready:
        first = asyncio.run(_show(wanted, ready))
        bundle = Path(ready["data"]) / "file.zip"
        verified = _records(ready, "verify")
        _records(ready, "export", first, "--out", str(bundle))
        exported = _records(ready, "verify", str(bundle))
        _print_proof([verified, f"one file carried away: {exported}"])
    console.print(f"\nDone in {time.monotonic() - began:.0f} s.")


async def _show(wanted: Sequence["Sample"], ready: Document) -> str:
    """Runs the samples and prints what happens; returns the first request's id."""
    minter = mint(ready["issuer"], Path(ready["data"]) / "issuer" / "key.json")
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        officers = {
            agency: Officer(client, ready, minter.token(administrator(agency)))
            for agency in {sample.agency for sample in wanted}
        }
        _print_heading("Receive, approve, configure, notify, file")
        ids = await run_all(wanted, officers, _print_step)
        _print_heading("The designated files")
        records = [await officers[sample.agency].record(ids[sample.name]) for sample in wanted]
        _print_files(records)
        _print_heading("Seen from outside")
        accounts = {
            str(record["events"][0]["data"]["request"]["applicant"]["account"])
            for record in records
        }
        ipms, storage = await _ipms(client, ready), await _storage(client, ready, accounts)
        _print_proof([_mail(ready), *ipms, *storage])
    return ids[wanted[0].name]


def _records(ready: Document, *arguments: str) -> str:
    """The last line of a `bmt records` command."""
    command = [sys.executable, "-m", "bmt.cli.main", "records", *arguments, "--data", ready["data"]]
    completed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
    return completed.stdout.strip().splitlines()[-1]


# The samples.


@dataclass(frozen=True)
class Sample:
    """One request, by e-mail or on paper.

    Attributes:
        name: of its file, for example `2-memo`.
        agency: its administrator handles the request.
        body: of `POST /v1/requests`; empty for an e-mail.
        email: the whole message; empty for a paper.
        paper: the scan to upload with it.
        evidence: what a person files when IPMS is configured by hand.
        after: the sample that must be filed before this one starts.
    """

    name: str
    agency: str
    body: Json = field(default_factory=dict)
    email: bytes = b""
    paper: Path | None = None
    evidence: Path | None = None
    after: str | None = None


def samples() -> list[Sample]:
    """All samples, in the order of their names.

    Raises:
        WrongConfiguration: the examples are not there.
    """
    files = sorted((EXAMPLES / "requests").glob("*.*"))
    if not files:
        raise WrongConfiguration(f"{EXAMPLES} is not there: run bmt demo from a clone")
    return [_sample(file) for file in files]


def _sample(file: Path) -> Sample:
    if file.suffix == ".eml":
        return Sample(name=file.stem, agency="MAMPU", email=file.read_bytes())
    description = settings.read_yaml(file.read_text(encoding="utf-8"))
    evidence = description.get("evidence")
    return Sample(
        name=file.stem,
        agency=description["body"]["agency"],
        body=description["body"],
        paper=EXAMPLES / "documents" / description["document"],
        evidence=EXAMPLES / "documents" / evidence if evidence else None,
        after=description.get("after"),
    )


# The procedure, as an agency's administrator runs it through the public API (SOP 2.0).


class Refusal(RuntimeError):  # noqa: N818  named for what is so
    """A service answered with a problem and this HTTP status."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"{response.request.url.path}: {response.status_code} {response.text}")
        self.status = response.status_code


class NotReceivedYet(Refusal):
    """A service does not know the request yet: the event is on its way."""


class Officer:
    """Calls the five services with one administrator's token."""

    def __init__(self, client: httpx.AsyncClient, ready: Document, token: str) -> None:
        self._client = client
        self._urls = {name: service["url"] for name, service in ready["services"].items()}
        self._authorization = {"Authorization": f"Bearer {token}"}

    async def receive(self, sample: Sample) -> Json:
        """Submits the e-mail as it is, or the paper's fields with its scan (step 1)."""
        if sample.email:
            kind = {"Content-Type": "message/rfc822"}
            return await self._post("intake", "/v1/emails", content=sample.email, headers=kind)
        documents = [await self._upload(sample.paper)] if sample.paper else []
        body = {**sample.body, "documents": documents}
        return await self._post("intake", "/v1/requests", json=body)

    async def worklist(self, channel: str) -> list[Json]:
        """The first 200 requests of one channel that wait for a decision, as the decider sees each."""
        found = await self._get("approval", f"/v1/worklist?limit=200&channel={channel}")
        return [
            await self._get("approval", f"/v1/requests/{one['request_id']}")
            for one in found["items"]
        ]

    async def approve(self, request_id: str) -> None:
        """Approves, with a reason if there are warnings (step 2)."""
        review = await self._get("approval", f"/v1/requests/{request_id}")
        exception = "Disahkan dengan pemohon" if review["warnings"] else None
        await self._decide(request_id, decision="approve", exception_reason=exception)

    async def refuse(self, request_id: str, decision: str, reason: str) -> None:
        """Rejects, or returns for correction (step 2)."""
        await self._decide(request_id, decision=decision, reason=reason)

    async def withdraw(self, request_id: str, reason: str) -> None:
        """Withdraws, with an applicant's token."""
        await self._post("intake", f"/v1/requests/{request_id}/withdrawal", json={"reason": reason})

    async def _decide(self, request_id: str, **decision: str | None) -> None:
        await self._post("approval", f"/v1/requests/{request_id}/decision", json=decision)

    async def configure_by_hand(self, request_id: str, evidence: Path) -> None:
        """Does the request's manual tasks and files the evidence (step 3, without an API of IPMS)."""
        tasks = await self._get("provisioning", "/v1/tasks?status=open&limit=200")
        document = await self._upload(evidence)
        body = {"evidence": [document], "note": "Ditetapkan di IPMS Admin Portal"}
        for task in tasks["items"]:
            if task["request_id"] == request_id:
                path = f"/v1/tasks/{task['task_id']}"
                await self._post("provisioning", f"{path}/claim")
                await self._post("provisioning", f"{path}/completion", json=body)

    async def hand_over_papers(self, request_id: str | None = None) -> None:
        """Confirms that each prepared paper, of one request or of all, was handed over (step 4)."""
        of = f"requests/{request_id}/notifications" if request_id else "notifications?limit=200"
        notices = await self._get("notification", f"/v1/{of}")
        for notice in notices["items"]:
            if notice["status"] == "prepared" and notice["channel"] != "email":
                path = f"/v1/notifications/{notice['notification_id']}/dispatch"
                await self._post("notification", path, json={"note": "Diserahkan di kaunter"})

    async def status(self, request_id: str) -> Json:
        return await self._get("intake", f"/v1/requests/{request_id}")

    async def record(self, request_id: str) -> Json:
        return await self._get("records", f"/v1/records/{request_id}")

    async def _get(self, service: str, path: str) -> Json:
        url = self._urls[service] + path
        return _answer(await self._client.get(url, headers=self._authorization))

    async def _post(
        self, service: str, path: str, *, headers: Mapping[str, str] | None = None, **content: Any
    ) -> Json:
        """The key is a hash of the call, so a repeated call is the same command."""
        url = self._urls[service] + path
        request = self._client.build_request("POST", url, headers=headers, **content)
        request.headers.update(self._authorization)
        call = hashlib.sha256(path.encode() + request.content)
        request.headers["Idempotency-Key"] = call.hexdigest()
        return _answer(await self._client.send(request))

    async def _upload(self, paper: Path) -> str:
        headers = {
            "Content-Type": mimetypes.guess_type(paper.name)[0] or "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{paper.name}"',
        }
        content = await asyncio.to_thread(paper.read_bytes)
        stored = await self._post("intake", "/v1/documents", content=content, headers=headers)
        return str(stored["document_id"])


def _answer(response: httpx.Response) -> Json:
    if response.is_error:
        unknown = response.status_code == httpx.codes.NOT_FOUND
        raise NotReceivedYet(response) if unknown else Refusal(response)
    answer: Json = response.json()
    return answer


OnStep = Callable[[Sample, Json], None]
"""Called with each step of a request."""


async def run_all(
    wanted: Sequence[Sample], officers: Mapping[str, Officer], on_step: OnStep
) -> dict[str, str]:
    """Runs all samples concurrently, each after the one it waits for; returns the request ids by name."""
    tasks: dict[str, asyncio.Task[str]] = {}

    async def in_turn(sample: Sample) -> str:
        if sample.after:
            await tasks[sample.after]
        return await _carry_out(sample, officers[sample.agency], on_step)

    async with asyncio.TaskGroup() as group:
        for sample in wanted:
            tasks[sample.name] = group.create_task(in_turn(sample))
    return {name: task.result() for name, task in tasks.items()}


async def _carry_out(sample: Sample, officer: Officer, on_step: OnStep) -> str:
    """Takes one sample through all four steps; returns the request's id."""
    request_id = str((await officer.receive(sample))["request_id"])
    printed: set[tuple[str, str]] = set()
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        now = await officer.status(request_id)
        for step in now["steps"]:
            # A topic may bring an earlier step later: each is printed when it is first seen.
            if (seen := (step["step"], step["at"])) not in printed:
                printed.add(seen)
                on_step(sample, {**step, "reference": now["reference"]})
        if now["status"] == "filed":
            return request_id
        if time.monotonic() > deadline:
            late = f"after {LONGEST_SECONDS:.0f} s"
            raise RuntimeError(f"{now['reference']} is {now['status']} {late}")
        with suppress(NotReceivedYet):
            if now["status"] == "received":
                await officer.approve(request_id)
            elif now["status"] == "awaiting_operator" and sample.evidence:
                await officer.configure_by_hand(request_id, sample.evidence)
            await officer.hand_over_papers(request_id)
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


# The system.


@contextmanager
def running() -> Iterator[Document]:
    """A new system's ready file; the system is stopped and removed afterwards.

    Raises:
        Unready: it did not start; the message says why.
    """
    with tempfile.TemporaryDirectory(prefix="bmt-demo-") as folder:
        file = Path(folder) / "ready.json"
        up = [sys.executable, "-m", "bmt.cli.main", "up", "--quiet", "--data", f"{folder}/data"]
        options = ["--ready-file", str(file), "--port-base", str(free_base())]
        tied = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [*tied, *up, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            yield _ready(process, file)
        finally:
            process.terminate()
            process.wait(STOPPED_WITHIN_SECONDS)


def _ready(process: "subprocess.Popen[str]", file: Path) -> Document:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while not file.exists():
        if process.poll() is not None:
            stderr = process.stderr.read().strip() if process.stderr else ""
            raise Unready(stderr.removeprefix("bmt: ") or "the system ended before it was ready")
        if time.monotonic() > deadline:
            raise Unready(f"the system was not ready within {READY_WITHIN_SECONDS} s")
        time.sleep(SECONDS_BETWEEN_LOOKS)
    document: Document = json.loads(file.read_text())
    return document


# What anybody can see without the five services: mail, IPMS and the storage.


def _mail(ready: Document) -> str:
    sent = list(mailbox.Maildir(ready["mail"]["maildir"], create=False))
    ids = {message["Message-ID"] for message in sent}
    return f"mail: {len(sent)} messages arrived, {len(ids)} different"


async def _ipms(client: httpx.AsyncClient, ready: Document) -> list[str]:
    token = {"Authorization": f"Bearer {ready['ipms']['token']}"}
    answer = await client.get(f"{ready['ipms']['url']}/Users", headers=token)
    return [
        f"IPMS: BMT is {'on' if user[EXTENSION].get('bmtEnabled') else 'off'} for {user['userName']}"
        for user in answer.raise_for_status().json()["Resources"]
        if EXTENSION in user
    ]


async def _storage(client: httpx.AsyncClient, ready: Document, accounts: set[str]) -> list[str]:
    storage, depth = ready["storage"], {"Depth": "0"}
    admin = (storage["user"], storage["password"])
    lines = []
    for account in sorted(accounts):
        url = f"{storage['url']}/{account}/"
        owner = await client.get(f"{url}?ls", auth=(account, storage["owners"][account]))
        granted = await client.request("PROPFIND", url, auth=admin, content=_QUOTA, headers=depth)
        parts = re.findall(r"quota-(?:used|available)-bytes>(\d+)<", granted.text)
        quota = f"{sum(map(int, parts)) / 10**9:g} GB"
        state = "closed to its owner" if owner.is_error else f"open, {quota}"
        lines.append(f"storage: {account} is {state}")
    return lines


# What is printed.


def _print_heading(text: str) -> None:
    console.print(f"\n[bold]{text}[/]")


def _print_step(sample: Sample, step: Json) -> None:
    at = datetime.fromisoformat(step["at"]).astimezone().strftime("%H:%M:%S")
    name, style = step["step"], STYLES.get(step["step"], "dim")
    kind, channel = sample.body.get("kind", "application"), sample.body.get("channel", "email")
    console.print(
        f"  {at}  {kind} by {channel:<6}  [dim]{step['reference']:<23}[/]  "
        f"[{style}]{name.replace('_', ' '):<21}[/] {step.get('detail') or ''}",
        soft_wrap=True,
        highlight=False,
    )


def _print_files(records: Sequence[Json]) -> None:
    table = Table("File", "Volume", "Folios", "Events", "State", box=None, pad_edge=False)
    for record in records:
        counts = len(record["folios"]), len(record["events"])
        row = (record["file_number"], record["volume"], *counts, record["state"]["status"])
        table.add_row(*map(str, row))
    console.print(table)


def _print_proof(lines: Sequence[str]) -> None:
    for line in lines:
        console.print(f"  [green]✓[/] {line}", highlight=False, soft_wrap=True)
