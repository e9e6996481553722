"""Stands before a real HTTP server and misbehaves when told to; counts what is asked and what is done."""

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from fixtures.answering import Answer, Call, answering

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
        self.url = ""

    @contextmanager
    def answering(self) -> Iterator["StandIn"]:
        with answering(self._answer) as self.url:
            try:
                yield self
            finally:
                self.turn(Mood.WELL)

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

    def _pass_on(self, call: Call) -> Answer:
        connection = http.client.HTTPConnection(self._target, timeout=30)
        headers = {k: v for k, v in call.headers.items() if k.lower() not in HOP_BY_HOP}
        connection.request(call.method, call.path, call.body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        headers = [each for each in answer.getheaders() if each[0].lower() not in HOP_BY_HOP]
        return answer.status, headers, content

    def _answer(self, call: Call) -> Answer | None:
        mood = self._mood
        forgets = mood is Mood.FORGETFUL and call.method not in SAFE
        done = mood is Mood.WELL or mood is Mood.FORGETFUL
        answer = self._pass_on(call) if done else None
        self.asked.append(Asked(call.method, call.path, call.body, mood, done))
        if mood is Mood.SILENT or forgets:
            self._until_turned(mood)
            return None
        return answer or (503 if mood is Mood.FAILING else 500, {}, b"not now")
