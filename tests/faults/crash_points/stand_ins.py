"""IPMS and the transfer storage, as small as they can be: they note every call, and outlive the service."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from fixtures.answering import Answer, Call, answering

SERVICE = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
QUOTA = '<multistatus xmlns="DAV:"><response><href>/{}/</href><quota-used-bytes>0</quota-used-bytes><quota-available-bytes>{}</quota-available-bytes></response></multistatus>'
_MOST = re.compile(r"vmaxb: (\d+)b")

TEXT = {"Content-Type": "text/plain"}


@dataclass
class StandIn:
    """A server in threads of this process; `calls` are those it answered, as (method, account)."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    away: Counter[str] = field(default_factory=Counter)
    slow: dict[str, float] = field(default_factory=dict)
    url: str = ""
    lock: Lock = field(default_factory=Lock)

    def about(self, account: str) -> None:
        """Be as slow, or away, as this account's call is to find it."""
        time.sleep(self.slow.pop(account, 0))  # time itself is the fault

    def answer(self, call: Call) -> Answer:
        raise NotImplementedError

    def is_away(self, account: str) -> bool:
        with self.lock:
            self.away[account] -= 1
            return self.away[account] >= 0

    @contextmanager
    def serving(self) -> Iterator["StandIn"]:
        with answering(self.answer) as self.url:
            yield self


@dataclass
class Webhooks(StandIn):
    """A receiver that answers 204, or what is queued for a request.

    `told` are the bodies of each event of a request, whatever it was answered; `SECRET` is that of its signatures.
    """

    SECRET = "whsec_" + "a" * 32
    told: dict[str, dict[str, set[bytes]]] = field(default_factory=dict)
    answers: dict[str, list[int]] = field(default_factory=dict)

    def answer(self, call: Call) -> Answer:
        request_id = json.loads(call.body)["subject"]
        with self.lock:
            events = self.told.setdefault(request_id, {})
            events.setdefault(call.headers["webhook-id"], set()).add(call.body)
            queued = self.answers.get(request_id)
            return (queued.pop() if queued else 204), {}, b""

    def have_told(self, request_id: str, events: int) -> None:
        """Each event came at least once, and always as the same."""
        found = self.told.get(request_id, {})
        assert len(found) == events, f"{len(found)} events of {request_id}"
        assert all(len(bodies) == 1 for bodies in found.values()), "one id, two events"


@dataclass
class Ipms(StandIn):
    """A directory where every account is serving; what is set of its service is remembered."""

    services: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, call: Call) -> Answer:
        parts = urlsplit(call.path)
        if call.method == "PATCH":
            account = unquote(parts.path.rpartition("/")[2])
            return self._patch(account, json.loads(call.body))
        asked = parse_qs(parts.query).get("filter", [""])[0]
        if not asked:
            return _json({"schemas": [LIST], "totalResults": 0, "Resources": []})
        account = json.loads(asked.removeprefix("userName eq "))
        self.about(account)
        if self.is_away(account):
            return 503, TEXT, b"away"
        self.calls.append(("GET", account))
        found = {"schemas": [LIST], "totalResults": 1, "Resources": [self._user(account)]}
        return _json(found)

    def _patch(self, account: str, body: dict[str, Any]) -> Answer:
        with self.lock:
            service = self.services.setdefault(account, {})
            for operation in body["Operations"]:
                name = operation["path"].rpartition(":")[2]
                if operation["op"].lower() == "remove":
                    service.pop(name, None)
                else:
                    service[name] = operation["value"]
            self.calls.append(("PATCH", account))
        return _json(self._user(account))

    def _user(self, account: str) -> dict[str, Any]:
        return {
            "schemas": [USER, SERVICE],
            "id": account,
            "userName": account,
            "active": True,
            SERVICE: self.services.get(account, {}),
            "meta": {"resourceType": "User"},
        }


@dataclass
class Storage(StandIn):
    """A file server that knows its volumes from its last reload; `refuses` are owners it cannot read."""

    volumes: Path = Path()
    refuses: set[str] = field(default_factory=set)
    quotas: dict[str, int] = field(default_factory=dict)

    def answer(self, call: Call) -> Answer:
        if call.method == "GET":
            return self._reload()
        owner = unquote(call.path.strip("/"))
        self.calls.append((call.method, owner))
        if owner not in self.quotas:
            return 404, TEXT, b""
        return 207, {"Content-Type": "text/xml"}, QUOTA.format(owner, self.quotas[owner]).encode()

    def _reload(self) -> Answer:
        with self.lock:
            found = {file.stem: file.read_text() for file in self.volumes.glob("[!.]*.conf")}
            opened = {
                owner: int(m[1]) for owner, text in found.items() if (m := _MOST.search(text))
            }
            self.calls.append(("reload", ""))
            if self.refuses & set(opened):
                return 500, TEXT, b"no"
            self.quotas = opened
        return 200, TEXT, b"ok"


def _json(content: Any) -> Answer:
    return 200, {"Content-Type": "application/scim+json"}, json.dumps(content).encode()
