"""What is asked of a copyparty server: to load its configuration, and what it knows of a volume."""

import time
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree as ET

import httpx

from services.provisioning.connectors.connector import TargetAway, TargetRefused

NAME: Final = "copyparty"
BUSY_SECONDS: Final = 4.0
"""How long after a reload the server is busy, and how long it may then take to answer.

It takes 25 ms with one volume, 0.4 s with 200, 3 s with 600 (measured), and then looks at the new volumes,
and tells no quota meanwhile: slow answers are no sign of an outage then."""

RELOAD_SECONDS: Final = 60.0
"""How long a reload may take.

The server finishes one that nobody waits for any more, and begins the next after it: asked again and again,
it would never come to an end."""

_QUOTA: Final = (
    b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><quota-available-bytes/>'
    b"<quota-used-bytes/></prop></propfind>"
)
_SHUT_OUT: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})


class CopypartyServer:
    """Asked as its administrator, and as the owner of a volume."""

    def __init__(self, http: httpx.AsyncClient, admin: str, secret: str) -> None:
        """`http` has the base address and the timeout; `secret` is the administrator's password."""
        self.admin = admin
        self.secret = secret
        self._http = http
        self._busy_until = 0.0

    async def reload(self) -> bool:
        """Have it read its configuration; False: it refuses, and goes on with the former.

        Raises:
            TargetAway: it does not answer, as in each method here.
        """
        self._busy_until = time.monotonic() + RELOAD_SECONDS
        try:
            answer = await self._ask("GET", "/?reload=cfg", seconds=RELOAD_SECONDS)
        finally:
            self._busy_until = time.monotonic() + BUSY_SECONDS
        if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            return False
        if not answer.is_success:
            raise TargetAway(NAME, f"answers a reload with {answer.status_code}")
        return True

    async def quota_bytes(self, owner: str) -> int | None:
        """The quota that the server itself knows; None: no such volume."""
        answer = await self._propfind(owner, self.admin, self.secret, _QUOTA)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if answer.status_code != HTTPStatus.MULTI_STATUS:
            raise TargetAway(NAME, f"answers its administrator with {answer.status_code}")
        return _quota(self._of_volume(owner, answer)) or 0

    async def shown_to_owner(self, owner: str, password: str) -> tuple[bool, int | None]:
        """Whether the owner gets into the volume, and the quota that the server tells the owner, if it does."""
        answer = await self._propfind(owner, owner, password, _QUOTA)
        if answer.status_code in _SHUT_OUT:
            return False, None
        if answer.status_code != HTTPStatus.MULTI_STATUS:
            raise TargetAway(NAME, f"answers the owner with {answer.status_code}")
        return True, _quota(self._of_volume(owner, answer))

    def _of_volume(self, owner: str, answer: httpx.Response) -> ET.Element:
        """What the answer tells of this volume (RFC 4918, 14.24).

        Raises:
            TargetAway: it is no WebDAV.
            TargetRefused: it is about another volume, or about none.
        """
        try:
            told = ET.fromstring(answer.content)  # noqa: S314  from our own server
        except ET.ParseError as error:
            raise TargetAway(NAME, "gives an answer that is not WebDAV") from error
        if told.tag != "{DAV:}multistatus":
            raise TargetAway(NAME, "gives an answer that is not WebDAV")
        base = self._http.base_url.path.rstrip("/")
        responses = told.findall("{DAV:}response")
        hrefs = [one.findtext("{DAV:}href") or "" for one in responses]
        paths = [unquote(urlsplit(href).path).rstrip("/") for href in hrefs]
        if len(paths) != 1 or paths[0] not in {f"/{owner}", f"{base}/{owner}"}:
            raise TargetRefused(
                "storage", "the storage answers for another volume", code="another_volume"
            )
        return responses[0]

    async def _propfind(
        self, owner: str, user: str, password: str, content: bytes
    ) -> httpx.Response:
        path = f"/{quote(owner)}/"
        return await self._ask("PROPFIND", path, auth=(user, password), content=content)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        auth: tuple[str, str] | None = None,
        content: bytes | None = None,
        seconds: float = BUSY_SECONDS,
    ) -> httpx.Response:
        busy = time.monotonic() < self._busy_until
        try:
            return await self._http.request(
                method,
                path,
                auth=auth or (self.admin, self.secret),
                content=content,
                headers={"Depth": "0"},
                timeout=seconds if busy else httpx.USE_CLIENT_DEFAULT,
            )
        except httpx.TransportError as error:
            raise TargetAway(NAME, "does not answer") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _quota(volume: ET.Element) -> int | None:
    """What is used and what is available (RFC 4331); None where neither is told.

    Raises:
        TargetAway: it is no number.
    """
    names = ("quota-used-bytes", "quota-available-bytes")
    told = [size for name in names if (size := volume.findtext(f".//{{DAV:}}{name}"))]
    if not all(size.isascii() and size.isdigit() for size in told):
        raise TargetAway(NAME, "tells a quota that is no number")
    return sum(int(size) for size in told) if told else None
