"""What must be so however often a service died: read from outside, from MongoDB, Kafka and the stand-ins.

The numbers are those of the failure matrix.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import httpx
from stage import OUTBOUND, SAYS, SUBSCRIBED, Stage
from tape import Taped

from bmt.chassis.eventsourcing.event_store import type_of
from bmt.contracts import topics
from services.approval.main import TABLE as APPROVAL
from services.intake.domain.events import SubmissionAnswered
from services.intake.main import TABLE as INTAKE
from services.notification.main import TABLE as NOTIFICATION
from services.provisioning.main import TABLE as PROVISIONING
from services.records.main import TABLE as RECORDS

TABLES: Mapping[str, Mapping[Any, Any]] = {
    "intake": INTAKE,
    "approval": APPROVAL,
    "provisioning": PROVISIONING,
    "notification": NOTIFICATION,
    "records": RECORDS,
}
DECISIONS = {"Approved", "Rejected", "Withdrawn"}


async def violations(stage: Stage) -> list[str]:
    """Everything that is wrong on this stage, each with its invariant."""
    commits = (
        await stage.database.commits.find().sort([("stream", 1), ("version", 1)]).to_list(None)
    )
    await stage.tape.read()
    return [
        *await _answers_again(stage),
        *_versions(commits),
        *_said(stage, commits),
        *_answered(stage, commits),
        *_consumed(stage, commits, await stage.database.discarded.find().to_list(None)),
        *_decided_once(stage),
    ]


async def _answers_again(stage: Stage) -> list[str]:
    """I1, I2: what was acknowledged is stored; the same call has the same answer."""
    wrong = []
    calls, stage.calls = stage.calls, []
    for called in calls:
        again = await stage.again(called)
        if _answer(again) != _answer(called.answer):
            answers = f"{called.answer.status_code} {called.answer.text}, then {again.text}"
            wrong.append(f"I2 {called.method} {called.path} was answered {answers}")
    return wrong


def _answer(answer: httpx.Response) -> tuple[int, Any]:
    """A problem names the trace of its own call."""
    return answer.status_code, {**answer.json(), "instance": None}


def _versions(commits: list[dict[str, Any]]) -> list[str]:
    """I2: versions 1..n, and the sequence of what is published without gaps."""
    wrong = []
    streams = defaultdict(list)
    for commit in commits:
        streams[commit["stream"]].append(commit)
    for stream, own in streams.items():
        versions = [commit["version"] for commit in own]
        if versions != list(range(1, len(own) + 1)):
            wrong.append(f"I2 {stream} has the versions {versions}")
        said = [e["sequence"] for commit in own for e in commit["events"] if e["sequence"]]
        if said != list(range(1, len(said) + 1)):
            wrong.append(f"I2 {stream} has the sequences {said}")
    return wrong


def _said(stage: Stage, commits: list[dict[str, Any]]) -> list[str]:
    """I3: said is what is stored, nothing else; twice said is the same; a key's in order."""
    wrong = []
    stored = {e["id"]: e for commit in commits for e in commit["events"] if e["sequence"]}
    copies: dict[str, Taped] = {}
    reached: Counter[str] = Counter()
    for one in stage.tape.known(SAYS[stage.service]):
        first = copies.setdefault(one.id, one)
        if (first.raw_headers, first.value, first.key) != (one.raw_headers, one.value, one.key):
            wrong.append(f"I3 {one.id} was said twice, and not the same")
        if first is one:
            reached[one.key] += 1
            if int(one.headers["ce_sequence"]) != reached[one.key]:
                wrong.append(f"I3 {one.key}: {one.name} is out of order")
    missing, unknown = stored.keys() - copies.keys(), copies.keys() - stored.keys()
    wrong += [f"I3 stored and never said: {stored[id_]['type']} {id_}" for id_ in missing]
    return wrong + [f"I3 said and not stored: {copies[id_].name} {id_}" for id_ in unknown]


def _answers(commits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What stands beside each answer to an integrator."""
    every = (event for commit in commits for event in commit["events"])
    return [event for event in every if event["type"] == SubmissionAnswered.TYPE]


def _answered(stage: Stage, commits: list[dict[str, Any]]) -> list[str]:
    """I3, of what integrators are told."""
    types = {type_of(model) for model in topics.ANSWERS}
    stored = {e["id"] for commit in commits for e in commit["events"] if e["type"] in types}
    said = {one.id: one for one in stage.tape.known(OUTBOUND)}
    wrong = [f"I3 stored and never answered: {id_}" for id_ in stored - said.keys()]
    wrong += [f"I3 answered and not stored: {said[id_].name}" for id_ in said.keys() - stored]
    same = {(one.id, one.raw_headers, one.value, one.key) for one in stage.tape.known(OUTBOUND)}
    return wrong if len(same) == len(said) else [*wrong, "I3 answered twice, and not the same"]


def _consumed(
    stage: Stage, commits: list[dict[str, Any]], discarded: list[dict[str, Any]]
) -> list[str]:
    """I3, I8: each event heard led to one commit, or is a dead letter, or was given up; never none."""
    led_to = {commit["_id"] for commit in commits}
    letters = {one.origin for one in stage.tape.known(topics.DEAD_LETTERS)}
    given_up = Counter(
        (one["topic"].removeprefix(stage.prefix), one["partition"], one["offset"])
        for one in discarded
    )
    table = {type_of(event) for event in TABLES[stage.service]}
    followed = {json.loads(event["data"])["request_id"] for event in _answers(commits)}
    wrong = [f"I8 dead without a reason: {place}" for place in letters - stage.poison]
    wrong += [f"I8 given up {n} times: {place}" for place, n in given_up.items() if n > 1]
    wrong += [f"I8 poison that is no dead letter: {place}" for place in stage.poison - letters]
    for topic in SUBSCRIBED[stage.service]:
        for one in stage.tape.known(topic):
            ends = (one.id in led_to) + (one.place in given_up) + (one.place in letters)
            handled = one.headers.get("ce_type") in table and not topic.startswith("bmt.inbound")
            # Intake has nothing to decide on what happens to requests that no integrator follows.
            handled = handled and (stage.service != "intake" or one.key in followed)
            if handled and ends != 1:
                wrong.append(f"I8 {one.name} {one.id} at {one.place} has {ends} ends")
    return wrong


def _decided_once(stage: Stage) -> list[str]:
    """I6: one decision a request."""
    decided: dict[str, set[str]] = defaultdict(set)
    for one in stage.tape.known(topics.DECISIONS):
        if stage.service == "approval" and one.name in DECISIONS:
            decided[one.key].add(one.id)
    return [
        f"I6 {key} was decided {len(ids)} times" for key, ids in decided.items() if len(ids) > 1
    ]
