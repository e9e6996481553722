"""What people call a request: short, readable over the telephone, and made without a counter."""

import hashlib
from datetime import datetime
from typing import Final

from bmt.agencies.charter import MALAYSIA

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHARACTERS: Final = 8
_BITS: Final = 5


def reference(request_id: str, agency: str, received_at: datetime) -> str:
    """For example `BMT-MAMPU-2026-7K3QF9ZT`: agency, year in Malaysia, 40 bits of the id's hash.

    The alphabet has no I, L, O and U (Crockford's base 32). Ten thousand requests of one agency in
    one year share a reference once in some twenty thousand years; the id stays the key.
    """
    number = int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:_BITS])
    digits = (_CROCKFORD[number >> _BITS * place & 31] for place in reversed(range(_CHARACTERS)))
    return f"BMT-{agency}-{received_at.astimezone(MALAYSIA).year}-{''.join(digits)}"
