"""`bmt sandbox`: the administrator who decides an integrator's submissions by rules, and what is printed for the integrator.

The administrator is one more program of the system (`python -m evaluation.sandbox`), a client of the public API.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import httpx
import structlog
from pydantic import Field, TypeAdapter, ValidationError
from rich.console import Console

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import settings
from bmt.chassis.runtime.observability import set_up_logs
from bmt.contracts import topics
from bmt.contracts.problems import faults_in_body, listed
from bmt.contracts.values import Reason, Value
from evaluation import issuer
from evaluation.demonstration import EXAMPLES, Json, Officer, Refusal
from evaluation.issuer import INTEGRATOR, Mint, holder, mint
from evaluation.layout import Layout
from evaluation.services import INTEGRATORS
from evaluation.supervisor import Program

DEFAULT_RULES: Final = EXAMPLES / "integrator" / "rules.yaml"
OTHERWISE: Final = "default"
SECONDS_BETWEEN_LOOKS: Final = 0.5
CHANNEL: Final = "event"

log = structlog.get_logger(__name__)


class Approval(Value):
    """What happens to a submission: it is approved, or stays undecided."""

    decision: Literal["approve", "wait"]


class Refusing(Value):
    """As `Approval`, with the reason that is given to the integrator."""

    decision: Literal["reject", "return", "withdraw"]
    reason: Reason


Rule = Annotated[Approval | Refusing, Field(discriminator="decision")]
Rules = Mapping[str, Approval | Refusing]
_RULES: Final = TypeAdapter[dict[str, Approval | Refusing]](dict[str, Rule])


def read_rules(file: Path) -> Rules:
    """The rules by the first word of a justification, in lower case.

    Raises:
        WrongConfiguration: the file cannot be read, or is wrong: which field, and what is allowed.
    """
    read: Any = None
    try:
        read = settings.read_yaml(file.read_text(encoding="utf-8"))
        rules = _RULES.validate_python(read)
    except OSError as error:
        raise WrongConfiguration(f"--rules {file}: {error.strerror}") from None
    except ValidationError as error:
        raise WrongConfiguration(f"--rules {file}: {listed(faults_in_body(error, read))}") from None
    except ValueError as error:  # no YAML, or no text
        raise WrongConfiguration(f"--rules {file}: {error}") from None
    if OTHERWISE not in rules:
        raise WrongConfiguration(f"--rules {file}: /{OTHERWISE}: This is needed. (required)")
    return {word.lower(): rule for word, rule in rules.items()}


def rule_for(justification: str, rules: Rules) -> Approval | Refusing:
    """The rule of the first word, without the punctuation behind it."""
    words = justification.split(maxsplit=1)
    word = words[0].rstrip(".,:;!?").lower() if words else OTHERWISE
    return rules.get(word, rules[OTHERWISE])


class Administrator:
    """Decides what integrators submitted for one agency, and hands its papers over."""

    def __init__(self, client: httpx.AsyncClient, ready: Json, agency: str, rules: Path) -> None:
        self._client = client
        self._ready = ready
        self._agency = agency
        self._rules = rules
        self._mint: Mint = mint(ready["issuer"], Path(ready["data"]) / "issuer" / "key.json")

    async def look(self) -> None:
        """Decide all that waits for a decision. Raises `Refusal`, or what httpx raises."""
        # Tokens end after eight hours: a new one for each look.
        officer = self._officer(issuer.administrator(self._agency))
        waiting = await officer.worklist(CHANNEL)
        rules = read_rules(self._rules) if waiting else {}
        for review in waiting:
            await self._decide(officer, review, rule_for(review["justification"], rules))
        await officer.hand_over_papers()

    async def _decide(self, officer: Officer, review: Json, rule: Approval | Refusing) -> None:
        request_id = review["request_id"]
        if isinstance(rule, Approval):
            if rule.decision == "approve":
                await officer.approve(request_id)
        elif rule.decision == "withdraw":
            account = review["applicant"]["account"]
            applicant = self._officer(holder(["applicant"], self._agency, account))
            await applicant.withdraw(request_id, rule.reason)
        else:
            await officer.refuse(request_id, rule.decision, rule.reason)

    def _officer(self, holder: issuer.Holder) -> Officer:
        return Officer(self._client, self._ready, self._mint.token(holder))


def administrator(layout: Layout, rules: Path) -> Program:
    """The program; it waits for the system that it belongs to."""
    ready_file, file = str(layout.ready_file), str(rules)
    return Program(
        name="administrator",
        command=(sys.executable, "-m", "evaluation.sandbox", ready_file, file),
        ready=_at_once,
    )


async def _at_once() -> bool:
    return True


async def run(ready: Json, rules: Path) -> None:
    """Decide for ever, for each agency that integrators submit for."""
    agencies = {agency for codes in INTEGRATORS.values() for agency in codes}
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        administrators = [Administrator(client, ready, each, rules) for each in sorted(agencies)]
        while True:
            for each in administrators:
                try:
                    await each.look()
                except (Refusal, httpx.HTTPError, WrongConfiguration) as error:
                    log.warning("decided_later", error=type(error).__name__)
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


def announce(console: Console, document: Json, rules: Path) -> None:
    """Write the integrator's connection, and print what it needs, with one example to copy."""
    file = write_connection(document)
    summary = {
        "connection": file,
        "writes to": topics.inbound(INTEGRATOR),
        "reads": topics.outbound(INTEGRATOR),
        "submits for": ", ".join(INTEGRATORS[INTEGRATOR]),
        "decided by": f"the first word of the justification: {', '.join(read_rules(rules))} ({rules})",
        "try it": f"{sys.executable} {EXAMPLES / 'integrator' / 'submit.py'} {file}",
        "check it": f"bmt conformance {INTEGRATOR} --data {document['data']}",
    }
    console.print(f"\n{INTEGRATOR}, an integrator", style="bold")
    for name, value in summary.items():
        console.print(f"{name:<12}{value}", soft_wrap=True, highlight=False, markup=False)


def write_connection(document: Json) -> Path:
    """The file that `bmt.integrator.Connection` reads, readable by its owner only; its path."""
    kafka, file = document["kafka"], Path(document["data"]) / f"{INTEGRATOR}.json"
    names = ("bootstrap_servers", "security_protocol", "sasl_mechanism")
    connection = {"integrator": INTEGRATOR, **{name: kafka[name] for name in names}}
    connection |= {"username": INTEGRATOR, "password": kafka["principals"][INTEGRATOR]}
    file.touch(mode=0o600)
    aside = file.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(json.dumps(connection, indent=2) + "\n")
    os.replace(aside, file)  # noqa: PTH105 - the name says that it overwrites
    return file


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("ready_file", type=Path)
    parser.add_argument("rules", type=Path)
    arguments = parser.parse_args()
    set_up_logs("administrator")
    while not arguments.ready_file.exists():
        time.sleep(SECONDS_BETWEEN_LOOKS)
    asyncio.run(run(json.loads(arguments.ready_file.read_text()), arguments.rules))
