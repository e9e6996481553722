"""What is due: each event that promises work, for the worker of the target that it begins with."""

from collections.abc import Sequence

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Heard
from bmt.chassis.work.queue import WorkChange, WorkItem
from services.provisioning.connectors import worklist
from services.provisioning.domain.events import ConfigurationDue, RetryRequested, TaskCompleted


def work_of(heard: Heard[BaseModel]) -> Sequence[WorkChange]:
    """What an event promises: each promise is work of its own, whatever became of an earlier one."""
    match heard.data:
        case ConfigurationDue(ipms_connector=target) | RetryRequested(ipms_connector=target):
            return [_work(heard, target)]
        case TaskCompleted():
            return [_work(heard, worklist.NAME)]
        case _:
            return ()


def _work(heard: Heard[BaseModel], target: str) -> WorkItem:
    return WorkItem(f"{heard.subject}:{heard.position}", target, heard.subject, heard.time)
