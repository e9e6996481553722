"""How many calls a second one caller may make: a token bucket for each, kept in this process.

The bucket is written as one number, the time at which it will be full again (the generic cell rate
algorithm), so that a call costs a look-up and an addition.
"""

import time
from collections.abc import Callable
from typing import Final

from bmt.contracts.problems import Refused

_CALLERS: Final = 10_000
"""Buckets kept; those that are full again make room first."""


class RateLimit:
    """Lets each caller make `burst` calls at once, and `per_second` from then on."""

    def __init__(
        self,
        per_second: float,
        burst: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        callers: int = _CALLERS,
    ) -> None:
        """`per_second` of 0 lets everything through."""
        self._seconds_a_call = 1 / per_second if per_second else 0.0
        # Half a call more: sums of fractions are not exact.
        self._seconds_of_burst = (burst + 0.5) * self._seconds_a_call
        self._monotonic = monotonic
        self._most = callers
        self._full_at: dict[str, float] = {}

    def take(self, caller: str) -> None:
        """Counts one call.

        Raises:
            Refused: `too_many_requests`, with the whole seconds after which to ask again.
        """
        if not self._seconds_a_call:
            return
        now = self._monotonic()
        full_at = max(self._full_at.get(caller, now), now) + self._seconds_a_call
        if full_at - now > self._seconds_of_burst:
            seconds = max(1, round(full_at - now - self._seconds_of_burst + 0.5))
            raise Refused(
                f"These are more calls than one caller may make; try again in {seconds} s.",
                problem="too_many_requests",
                extra={"retry_after_seconds": seconds},
            )
        if len(self._full_at) >= self._most and caller not in self._full_at:
            self._make_room(now)
        self._full_at[caller] = full_at

    def give_back(self, caller: str) -> None:
        """One call that was counted does not count."""
        if caller in self._full_at:
            self._full_at[caller] -= self._seconds_a_call

    def _make_room(self, now: float) -> None:
        self._full_at = {each: at for each, at in self._full_at.items() if at > now}
        while len(self._full_at) >= self._most:
            self._full_at.pop(next(iter(self._full_at)))


UNLIMITED: Final = RateLimit(0, 0)
"""Lets everything through."""
