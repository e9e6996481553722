"""Time and identity, passed in as arguments so that deciders stay pure."""

from collections.abc import Callable
from datetime import UTC, datetime

import uuid_utils

Clock = Callable[[], datetime]
NewId = Callable[[], str]


def now() -> datetime:
    """UTC, in whole milliseconds: MongoDB's precision, so that an event reads the same everywhere."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def new_id() -> str:
    """A UUIDv7 (RFC 9562): unique, and ordered by time within a millisecond or so."""
    return str(uuid_utils.uuid7())
