"""How long to wait before the next try: a random part of a doubling wait, so that retries spread out."""

import random

MOST_DOUBLINGS = 10


def backoff(failures: int, *, first: float, longest: float, least: float = 0.0) -> float:
    """Seconds after so many failures in a row: random between `least` and the doubled `first` (full jitter)."""
    ceiling = min(longest, first * 2.0 ** min(failures, MOST_DOUBLINGS))
    return random.uniform(least, ceiling)  # noqa: S311  nobody guesses it
