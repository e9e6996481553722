"""What people call a request: short, readable over the telephone, and made without a counter."""

import hashlib
from datetime import datetime
from typing import Final

from bmt.agencies.charter import MALAYSIA
from bmt.contracts.crockford import written
from bmt.contracts.reference import CHARACTERS

_BYTES: Final = 5


def reference(request_id: str, agency: str, received_at: datetime) -> str:
    """For example `BMT-MAMPU-2026-7K3QF9ZT`: agency, year in Malaysia, 40 bits of the id's hash.

    The alphabet has no I, L, O and U (Crockford's base 32). Ten thousand requests of one agency in
    one year share a reference once in some twenty thousand years; the id stays the key.
    """
    number = int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:_BYTES])
    year = received_at.astimezone(MALAYSIA).year
    return f"BMT-{agency}-{year}-{written(number, CHARACTERS)}"
