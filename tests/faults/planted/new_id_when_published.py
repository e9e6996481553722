"""An event gets its id when it is published, not when it is stored: said again, it is another event."""

import uuid
from dataclasses import replace

from bmt.chassis.messaging.relay import Relay

SERVICE = "provisioning"
FOUND_BY = ("I3",)


def plant() -> None:
    records = Relay._records

    def renamed(self, commit):
        return [
            replace(record, headers=[*_without_id(record.headers), _new_id()])
            for record in records(self, commit)
        ]

    Relay._records = renamed


def _without_id(headers):
    return [(name, value) for name, value in headers if name != "ce_id"]


def _new_id():
    return ("ce_id", str(uuid.uuid4()).encode())
