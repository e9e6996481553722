"""Stands before a real HTTP server and misbehaves when told to; counts what is asked and what is done."""

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SAFE = ("GET", "HEAD", "OPTIONS", "PROPFIND")
HOP_BY_HOP = ("connection", "transfer-encoding", "content-length", "keep-alive")


class Mood(Enum):
    """How it answers."""

    WELL = "as the real one"
    SILENT = "never"
    FAILING = "503, at once"
    BROKEN = "500, at once"
    FORGETFUL = "does what it is told, and never says so"


@dataclass(frozen=True)
class Asked:
    """One call. `done`: the real server did it."""

    method: str
    path: str
    body: bytes
    mood: Mood
    done: bool


class StandIn:
    """A server on a port of its own, for `target` (its address without a path)."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target).netloc
        self._mood = Mood.WELL
        self._turned = threading.Condition()
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def answering(self) -> Iterator["StandIn"]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.turn(Mood.WELL)
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def turn(self, mood: Mood) -> None:
        """From now on it answers so; who was left without an answer is cut off."""
        with self._turned:
            self._mood = mood
            self._turned.notify_all()

    def done(self, *methods: str, since: int = 0) -> list[Asked]:
        """What the real server did, of these methods."""
        return [one for one in self.asked[since:] if one.done and one.method in methods]

    def count(self, since: int = 0) -> Counter[Mood]:
        """How often it was asked, by its mood then."""
        return Counter(one.mood for one in self.asked[since:])

    def _until_turned(self, mood: Mood) -> None:
        with self._turned:
            self._turned.wait_for(lambda: self._mood is not mood)

    def _pass_on(self, call: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list, bytes]:
        connection = http.client.HTTPConnection(self._target, timeout=30)
        headers = {k: v for k, v in call.headers.items() if k.lower() not in HOP_BY_HOP}
        connection.request(call.command, call.path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), content

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Call(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                mood = stand_in._mood
                forgets = mood is Mood.FORGETFUL and self.command not in SAFE
                done = mood is Mood.WELL or forgets or mood is Mood.FORGETFUL
                answer = stand_in._pass_on(self, body) if done else None
                stand_in.asked.append(Asked(self.command, self.path, body, mood, done))
                if mood is Mood.SILENT or forgets:
                    stand_in._until_turned(mood)
                    self.close_connection = True
                elif answer is None:
                    self._say(503 if mood is Mood.FAILING else 500, [], b"not now")
                else:
                    self._say(*answer)

            def _say(self, status: int, headers: list, content: bytes) -> None:
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None: ...

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_PROPFIND = answer  # noqa: N815

        return Call
