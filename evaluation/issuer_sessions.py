"""Who is signed in at the evaluation's issuer: a session for each browser, and what applications renew it with."""

import secrets
from dataclasses import dataclass, field
from typing import Final

from evaluation.tokens import Holder

_CALLBACK: Final = "/login/callback"
_BACK_CHANNEL: Final = "/backchannel-logout"


@dataclass
class Session:
    """One of them.

    Attributes:
        sid: its name in tokens.
        subject: who signed in.
        applications: client id of each, and where it is told of the session's end.
    """

    sid: str
    subject: str
    applications: set[tuple[str, str]] = field(default_factory=set)


class Sessions:
    """Those that did not end. An account is what its holder said at the last sign-in, in all of its sessions."""

    def __init__(self) -> None:
        self._holders: dict[str, Holder] = {}
        self._sessions: dict[str, Session] = {}
        self._refresh_tokens: dict[str, tuple[str, str]] = {}

    def begin(self, holder: Holder, sid_before: str) -> str:
        """The `sid` of who signs in; the browser's own goes on where it is the same person's."""
        self._holders[holder.subject] = holder
        before = self._sessions.get(sid_before)
        if before is not None and before.subject == holder.subject:
            return before.sid
        session = Session(secrets.token_urlsafe(16), holder.subject)
        self._sessions[session.sid] = session
        return session.sid

    def holder(self, sid: str) -> Holder | None:
        """Who has the session; None: it ended."""
        session = self._sessions.get(sid)
        return self._holders[session.subject] if session else None

    def joined(self, sid: str, client_id: str, redirect_uri: str) -> None:
        """An application is signed in to. What it is told of the end stands beside what it is led back to."""
        address, callback, _ = redirect_uri.partition(_CALLBACK)
        if callback and sid in self._sessions:
            self._sessions[sid].applications.add((client_id, address + _BACK_CHANNEL))

    def refresh_token(self, sid: str, client_id: str) -> str:
        """A new one, good for one use."""
        token = secrets.token_urlsafe(32)
        self._refresh_tokens[token] = (sid, client_id)
        return token

    def refreshed(self, token: str, client_id: str) -> str | None:
        """The `sid` of a refresh token; None: it is unknown, used, or another application's."""
        sid, owner = self._refresh_tokens.pop(token, ("", ""))
        return sid if sid in self._sessions and owner == client_id else None

    def end(self, sid: str) -> Session | None:
        """End a session; None: there is none."""
        kept = self._refresh_tokens.items()
        self._refresh_tokens = {token: of for token, of in kept if of[0] != sid}
        return self._sessions.pop(sid, None)

    def end_all(self, subject: str) -> list[Session]:
        """End every session of an account."""
        sids = [sid for sid, session in self._sessions.items() if session.subject == subject]
        return [session for sid in sids if (session := self.end(sid))]
