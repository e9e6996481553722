"""IPMS and the transfer storage, as small as they can be: they note every call, and outlive the service."""

import base64
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

SERVICE = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
QUOTA = '<multistatus xmlns="DAV:"><response><href>/{}/</href><quota-used-bytes>0</quota-used-bytes><quota-available-bytes>{}</quota-available-bytes></response></multistatus>'
_MOST = re.compile(r"vmaxb: (\d+)b")

Answer = tuple[int, str, bytes]


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

    def answer(self, method: str, path: str, body: bytes, user: str) -> Answer:
        raise NotImplementedError

    def is_away(self, account: str) -> bool:
        with self.lock:
            self.away[account] -= 1
            return self.away[account] >= 0

    @contextmanager
    def serving(self) -> Iterator["StandIn"]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                scheme, _, login = self.headers.get("Authorization", "").partition(" ")
                user = (
                    base64.b64decode(login).decode().partition(":")[0] if scheme == "Basic" else ""
                )
                status, kind, content = stand_in.answer(self.command, self.path, body, user)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PATCH = do_PROPFIND = handle_any  # noqa: N815  named by the library

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield self
        server.shutdown()
        server.server_close()


@dataclass
class Ipms(StandIn):
    """A directory where every account is serving; what is set of its service is remembered."""

    services: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, method: str, path: str, body: bytes, user: str) -> Answer:
        parts = urlsplit(path)
        if method == "PATCH":
            account = unquote(parts.path.rpartition("/")[2])
            return self._patch(account, json.loads(body))
        asked = parse_qs(parts.query).get("filter", [""])[0]
        if not asked:
            return _json({"schemas": [LIST], "totalResults": 0, "Resources": []})
        account = json.loads(asked.removeprefix("userName eq "))
        self.about(account)
        if self.is_away(account):
            return 503, "text/plain", b"away"
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

    def answer(self, method: str, path: str, body: bytes, user: str) -> Answer:
        if method == "GET":
            return self._reload()
        owner = unquote(path.strip("/"))
        self.calls.append((method, owner))
        if owner not in self.quotas:
            return 404, "text/plain", b""
        return 207, "text/xml", QUOTA.format(owner, self.quotas[owner]).encode()

    def _reload(self) -> Answer:
        with self.lock:
            found = {file.stem: file.read_text() for file in self.volumes.glob("[!.]*.conf")}
            opened = {
                owner: int(m[1]) for owner, text in found.items() if (m := _MOST.search(text))
            }
            self.calls.append(("reload", ""))
            if self.refuses & set(opened):
                return 500, "text/plain", b"no"
            self.quotas = opened
        return 200, "text/plain", b"ok"


def _json(content: Any) -> Answer:
    return 200, "application/scim+json", json.dumps(content).encode()
