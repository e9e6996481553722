"""Where a request stands, for who has its reference and its code; others learn nothing, not even that it exists."""

from collections.abc import Collection
from typing import Final

from bmt.chassis.http.limits import RateLimit
from bmt.contracts.reference import read
from bmt.contracts.status_code import is_same, status_code
from services.intake.queries import Requests
from services.intake.views import RequestDocument

_NOBODYS: Final = "00000000-0000-7000-8000-000000000000"
"""Whose code is made where there is no such reference, so that both answers take as long."""
_WRONG_CODES: Final = (0.1, 10)
"""How many one client may send for a reference a second, and at once: more than anybody needs who mistypes one. Others'
tries count for themselves, so that nobody locks the owner out; a code has 60 bits, and is guessed from nowhere."""
_LONGEST: Final = 100


class StatusLookup:
    """Looks requests up by reference and code."""

    def __init__(
        self, requests: Requests, key: str, by_client: RateLimit, agencies: Collection[str] = ()
    ) -> None:
        """`key` is what codes are made with; `by_client` limits how often one client asks; `agencies` are all codes."""
        self._requests = requests
        self._agencies = agencies
        self._key = key
        self._by_client = by_client
        self._wrong_codes = RateLimit(*_WRONG_CODES)

    def admit(self, client: str) -> None:
        """Counts a call of a client, before anything is read of it.

        Raises:
            Refused: `too_many_requests`.
        """
        self._by_client.take(client)

    async def find(
        self, client: str, typed_reference: str, typed_code: str
    ) -> RequestDocument | None:
        """The request, for a client's address; None for an unknown reference and for a wrong code alike.

        Raises:
            Refused: `too_many_requests`, whether there is such a reference or not.
        """
        reference = read(typed_reference, self._agencies) or typed_reference.strip()[:_LONGEST]
        asker = f"{client} {reference}"
        self._wrong_codes.take(asker)
        found = None
        for one in await self._requests.referred_to(reference) or (None,):
            code = status_code(self._key, one.facts.request_id if one else _NOBODYS)
            if is_same(code, typed_code) and one is not None:
                found = one
        if found is not None:
            self._wrong_codes.give_back(asker)
        return found
