"""Limits how often one client may look up a status and send wrong codes."""

from collections.abc import Collection
from typing import Final

from starlette.requests import Request

from bmt.chassis.http.limits import ClientAddress, RateLimit
from bmt.contracts import values

_WRONG_CODES: Final = (0.1, 10)
"""Wrong codes that one client may send for a reference: per second, and at once.

They are counted for each client, so nobody can lock the owner out. A code has 60 bits, too many to guess.
"""
_SECONDS_OF_CALLS: Final = 10
"""One client may send the calls of so many seconds at once."""


class StatusLimits:
    """Counts calls in this process."""

    def __init__(
        self, client_address: ClientAddress, per_second: float, agencies: Collection[str]
    ) -> None:
        """`per_second` limits the calls of one client; `agencies` are all agency codes."""
        self._client_address = client_address
        self._agencies = agencies
        burst = max(1, round(per_second * _SECONDS_OF_CALLS))
        self._calls = RateLimit(per_second, burst)
        self._wrong_codes = RateLimit(*_WRONG_CODES)

    def admit(self, request: Request) -> str:
        """Counts a call before its body is read. Returns its client.

        Raises:
            Refused: `too_many_requests`.
        """
        client = self._client_address.of(request)
        self._calls.take(client)
        return client

    def guess(self, client: str, typed_reference: str) -> str:
        """Counts a code as wrong. Returns the token with which `was_right` undoes that.

        Raises:
            Refused: `too_many_requests`, for known and unknown references alike.
        """
        name = values.read_reference(typed_reference, self._agencies) or typed_reference.strip()
        guess = f"{client} {name}"
        self._wrong_codes.take(guess)
        return guess

    def was_right(self, guess: str) -> None:
        self._wrong_codes.give_back(guess)
