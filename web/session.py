"""The session of one call, and the store of all sessions in the pages' database, which all replicas share.

The cookie holds the session's id, and the key that encrypts its tokens is derived from that id. Neither the
database nor a copy of it identifies anybody, and nobody who reads it can take over a session. MongoDB removes expired
ones.

Sessions end when the user signs out, when the issuer says so, and after a time. The issuer is asked every few minutes, with
the refresh token: users who lost access are signed out, and changed roles take effect. Without a refresh token a session
lasts as long as its access token.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from starlette.requests import Request

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Authenticator, Principal
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.problems import Refused

_SESSION: Final = "bmt.session"


@dataclass(frozen=True, slots=True)
class Session:
    """The session of a signed-in user.

    Attributes:
        visitor: the user, as the issuer last described them.
        access_token: for calls of other services in the user's name.
        id_token: for the issuer's logout; may be empty.
        is_active: whether the session still lasts, for long answers.
    """

    visitor: Principal
    access_token: str
    id_token: str
    is_active: Callable[[], Awaitable[bool]]


def of(request: Request) -> Session | None:
    """The caller's session; None: nobody is signed in."""
    session: Session | None = request.scope.get(_SESSION)
    return session


def visitor(request: Request) -> Principal | None:
    """The signed-in user, if any."""
    session = of(request)
    return session.visitor if session else None


def put(request: Request, session: Session | None) -> None:
    request.scope[_SESSION] = session


_PURPOSE: Final = "bmt pages, key 2"


class SessionKeys:
    """Keys derived from the pages' secret, one for each use."""

    def __init__(self, secret: SecretStr) -> None:
        self._secret = secret.get_secret_value().encode()

    def of(self, use: str) -> bytes:
        """The 32 bytes for one use."""
        return hmac.digest(self._secret, f"{_PURPOSE}\n{use}".encode(), "sha256")


SESSIONS: Final = "sessions"
"""The collection: a document for each session, and for each logout token that was used."""
MOST_OF_ONE_PERSON: Final = 20
"""With more sessions the oldest end."""
CLAIM: Final = timedelta(seconds=20)
"""How long one replica may renew a session by itself; longer than the issuer's timeout."""

_HEADER: Final = {"alg": "dir", "enc": "A256GCM"}
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Tokens(BaseModel):
    """The issuer's tokens; those that it did not give are empty."""

    model_config = ConfigDict(frozen=True)

    access: str
    identity: str = ""
    refresh: str = ""


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as it is stored.

    Attributes:
        id: its id in the cookie.
        renew_at: when the issuer is asked again.
        version: counts its renewals.
    """

    id: str
    tokens: Tokens
    renew_at: datetime
    version: int


class SessionStore:
    """All sessions. `collection` needs find, insert, update and remove."""

    def __init__(self, collection: mongodb.Collection, keys: SessionKeys, clock: Clock) -> None:
        self._sessions = collection
        self._naming = keys.of("names of people and of the issuer's sessions")
        self._sealing = keys.of("tokens")
        self._clock = clock

    async def prepare(self) -> None:
        """Create the indexes; the first one expires sessions."""
        indexes = [
            mongodb.IndexModel([("expires_at", 1)], expireAfterSeconds=0),
            mongodb.IndexModel([("subject", 1), ("begun_at", -1)]),
            mongodb.IndexModel([("issuer_session", 1)], sparse=True),
        ]
        with mongodb.store_errors():
            await self._sessions.create_indexes(indexes)

    async def add(
        self, stored: StoredSession, *, subject: str, issuer_session: str, expires_at: datetime
    ) -> None:
        """Keep a new session; `issuer_session` is the issuer's id of it (`sid`), or empty."""
        document = {
            "_id": _name(stored.id),
            "subject": self._blinded(subject),
            "begun_at": self._clock(),
            "expires_at": expires_at,
            "renewing_until": _LONG_AGO,
            **self._renewable_fields(stored),
        }
        if issuer_session:
            document["issuer_session"] = self._blinded(issuer_session)
        with mongodb.store_errors():
            await self._sessions.insert_one(document)
            older = self._sessions.find({"subject": document["subject"]}, {"_id": 1})
            older = older.sort("begun_at", mongodb.DESCENDING).skip(MOST_OF_ONE_PERSON)
            if found := [one["_id"] async for one in older]:
                await self._sessions.delete_many({"_id": {"$in": found}})

    async def find(self, id_: str) -> StoredSession | None:
        """The session, unless it ended."""
        with mongodb.store_errors():
            found = await self._sessions.find_one({"_id": _name(id_)})
        if found is None or found["expires_at"] <= self._clock():
            return None
        return self._decrypted(id_, found)

    async def claim(self, stored: StoredSession) -> bool:
        """Reserves the renewal of this session for the caller; False: another call has it."""
        now = self._clock()
        where = {
            "_id": _name(stored.id),
            "version": stored.version,
            "renewing_until": {"$lte": now},
        }
        with mongodb.store_errors():
            claimed = await self._sessions.update_one(
                where, {"$set": {"renewing_until": now + CLAIM}}
            )
        return bool(claimed.matched_count)

    async def renew(self, stored: StoredSession) -> bool:
        """Store a session with its new tokens; False: it ended meanwhile."""
        changes = {**self._renewable_fields(stored), "renewing_until": _LONG_AGO}
        with mongodb.store_errors():
            renewed = await self._sessions.update_one({"_id": _name(stored.id)}, {"$set": changes})
        return bool(renewed.matched_count)

    async def end(self, id_: str) -> None:
        await self._end({"_id": _name(id_)})

    async def end_issuer_session(self, sid: str, subject: str) -> None:
        """End the sessions of one of the issuer's, and the subject's sessions without a known `sid`."""
        of_unknown_origin = {
            "subject": self._blinded(subject),
            "issuer_session": {"$exists": False},
        }
        await self._end({"$or": [{"issuer_session": self._blinded(sid)}, of_unknown_origin]})

    async def end_subject(self, subject: str) -> None:
        await self._end({"subject": self._blinded(subject)})

    async def is_used(self, token_id: str) -> bool:
        """Whether this logout token was used before."""
        with mongodb.store_errors():
            return await self._sessions.find_one({"_id": self._logout_id(token_id)}) is not None

    async def mark_used(self, token_id: str, until: datetime) -> None:
        """Remember until then that this logout token was used."""
        name = self._logout_id(token_id)
        with mongodb.store_errors(), suppress(mongodb.DuplicateKeyError):
            await self._sessions.insert_one({"_id": name, "expires_at": until})

    async def _end(self, where: Mapping[str, Any]) -> None:
        with mongodb.store_errors():
            await self._sessions.delete_many(where)

    def _logout_id(self, token_id: str) -> str:
        return f"logout:{self._blinded(token_id)}"

    def _blinded(self, text: str) -> str:
        return hmac.digest(self._naming, text.encode(), "sha256").hex()

    def _renewable_fields(self, stored: StoredSession) -> dict[str, Any]:
        content = stored.tokens.model_dump_json().encode()
        return {
            "tokens": jwe.encrypt_compact(_HEADER, content, self._key(stored.id)),
            "renew_at": stored.renew_at,
            "version": stored.version,
        }

    def _decrypted(self, id_: str, found: Mapping[str, Any]) -> StoredSession | None:
        try:
            content = jwe.decrypt_compact(found["tokens"], self._key(id_)).plaintext
            tokens = Tokens.model_validate_json(content or b"")
        except (JoseError, ValidationError, ValueError):
            return None
        return StoredSession(id_, tokens, found["renew_at"], found["version"])

    def _key(self, id_: str) -> OctKey:
        return OctKey.import_key(hmac.digest(self._sealing, id_.encode(), "sha256"))


def _name(id_: str) -> str:
    """The document's id, which does not reveal the cookie."""
    return sha256(id_.encode()).hexdigest()


EIGHT_HOURS: Final = timedelta(hours=8)
"""The longest life of a session, whatever the issuer grants."""

_ID: Final = "id"
_ID_BYTES: Final = 32
_AN_HOUR: Final = 3600
_RENEWAL_SHARE: Final = 0.8
"""The share of its life after which a token is renewed."""
_MOST_WAIT_SECONDS: Final = 6.0
"""How long a call waits for another one that renews its session."""
_POLL_SECONDS: Final = 0.1

Granted = Mapping[str, Any]
"""The answer of the issuer's token endpoint."""
Renew = Callable[[str], Awaitable[Granted | None]]
"""Asks the issuer with a refresh token; None: it refuses. Raises `Unavailable`."""


class Sessions:
    """Begins, finds, renews and ends sessions."""

    def __init__(
        self,
        store: SessionStore,
        authenticator: Authenticator,
        renew: Renew,
        clock: Clock,
        *,
        recheck_seconds: int,
    ) -> None:
        """`recheck_seconds`: the interval in which the issuer is asked."""
        self._store = store
        self._authenticator = authenticator
        self._renew = renew
        self._clock = clock
        self._recheck_seconds = recheck_seconds

    async def begin(self, request: Request, granted: Granted) -> None:
        """Begins the session of a user who signed in, and clears the browser's cookie of all else.

        Raises:
            Refused: `unauthenticated`: the API would not take the access token.
        """
        tokens = _tokens(granted, Tokens(access=""))
        visitor = await self._authenticator.principal(tokens.access)
        userinfo = granted.get("userinfo") or {}
        lifetime = EIGHT_HOURS if tokens.refresh else min(_life(granted), EIGHT_HOURS)
        stored = StoredSession(secrets.token_urlsafe(_ID_BYTES), tokens, self._renew_at(granted), 1)
        await self._store.add(
            stored,
            subject=str(userinfo.get("sub") or visitor.subject),
            issuer_session=str(userinfo.get("sid") or ""),
            expires_at=self._clock() + lifetime,
        )
        request.session.clear()
        request.session[_ID] = stored.id

    async def of(self, request: Request) -> Session | None:
        """The caller's session, renewed when due; None: nobody is signed in.

        Raises:
            Unavailable: the session cannot be checked now.
        """
        id_ = str(request.session.get(_ID, ""))
        found = await self._find(id_) if id_ else None
        if id_ and found is None:
            request.session.pop(_ID)
        return found

    async def end(self, request: Request) -> None:
        """Ends the caller's session; a copy of the cookie is void, too."""
        if id_ := str(request.session.get(_ID, "")):
            await self._store.end(id_)
        request.session.clear()

    async def _find(self, id_: str) -> Session | None:
        deadline = time.monotonic() + _MOST_WAIT_SECONDS
        while (stored := await self._store.find(id_)) is not None:
            visitor = await self._visitor(stored)
            is_due = visitor is None or stored.renew_at <= self._clock()
            if is_due and stored.tokens.refresh:
                if await self._store.claim(stored):
                    return await self._renewed(stored, visitor)
                if visitor is None and time.monotonic() < deadline:
                    await asyncio.sleep(_POLL_SECONDS)
                    continue
            if visitor is not None:
                return self._session(stored, visitor)
            if stored.tokens.refresh:
                raise Unavailable("issuer")
            await self._store.end(id_)
        return None

    async def _renewed(self, stored: StoredSession, before: Principal | None) -> Session | None:
        """While the issuer is down the session goes on until its token expires."""
        try:
            granted = await self._renew(stored.tokens.refresh)
        except Unavailable:
            if before is None:
                raise
            return self._session(stored, before)
        if granted is None:
            await self._store.end(stored.id)
            return None
        renewed = replace(
            stored,
            tokens=_tokens(granted, stored.tokens),
            renew_at=self._renew_at(granted),
            version=stored.version + 1,
        )
        visitor = await self._visitor(renewed)
        another = before is not None and visitor is not None and visitor.subject != before.subject
        if visitor is None or another or not await self._store.renew(renewed):
            await self._store.end(stored.id)
            return None
        return self._session(renewed, visitor)

    async def _visitor(self, stored: StoredSession) -> Principal | None:
        try:
            return await self._authenticator.principal(stored.tokens.access)
        except Refused:
            return None

    def _renew_at(self, granted: Granted) -> datetime:
        recheck = timedelta(seconds=self._recheck_seconds)
        return self._clock() + min(recheck, _life(granted) * _RENEWAL_SHARE)

    def _session(self, stored: StoredSession, visitor: Principal) -> Session:
        async def is_active() -> bool:
            return await self._store.find(stored.id) is not None

        return Session(visitor, stored.tokens.access, stored.tokens.identity, is_active)


def _tokens(granted: Granted, before: Tokens) -> Tokens:
    """The new tokens; the issuer may leave out a refresh token or ID token that stays valid."""
    return Tokens(
        access=str(granted.get("access_token", "")),
        identity=str(granted.get("id_token") or before.identity),
        refresh=str(granted.get("refresh_token") or before.refresh),
    )


def _life(granted: Granted) -> timedelta:
    """The life of the access token."""
    return timedelta(seconds=int(granted.get("expires_in") or _AN_HOUR))
