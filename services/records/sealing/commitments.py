"""What stands in a leaf instead of a personal value: a commitment, that proves it and tells nothing of it."""

import hashlib
import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from bmt.verify_record import commitments
from services.records.ledger.canonical import canonical
from services.records.sealing.places import Pointer, disposed_value, impersonal, parted, put_back

SALT_BYTES: Final = 32


class Disclosure(NamedTuple):
    """A personal value with what proves it.

    Attributes:
        salt: 32 random bytes, in hex: without them nobody can guess the value and try.
        jcs: the value as canonical JSON (RFC 8785).
    """

    salt: str
    jcs: str

    @property
    def commitment(self) -> str:
        """SHA-256(salt ‖ canonical JSON), in lower-case hex."""
        return hashlib.sha256(bytes.fromhex(self.salt) + self.jcs.encode()).hexdigest()

    @property
    def value(self) -> Any:
        """The value itself."""
        return orjson.loads(self.jcs)

    def told(self) -> dict[str, str]:
        """As it is stored and carried away."""
        return {"salt": self.salt, "jcs": self.jcs}


Disclosures = Mapping[Pointer, Disclosure]
"""The personal values of one event, by their places in its data."""


def committed(data: Mapping[str, Any]) -> tuple[dict[str, Any], Disclosures]:
    """An event's data with a commitment for each personal value, and the values.

    Raises:
        NotCanonical: a value has no canonical form.
    """
    copy, personal = parted(data, impersonal)
    salts = os.urandom(SALT_BYTES * len(personal))
    disclosures: dict[Pointer, Disclosure] = {}
    for number, one in enumerate(personal):
        salt = salts[number * SALT_BYTES : (number + 1) * SALT_BYTES]
        jcs = canonical(one.value)
        disclosures[one.pointer] = Disclosure(salt.hex(), jcs.decode())
        one.replace({"commitment": hashlib.sha256(salt + jcs).hexdigest()})
    return copy, disclosures


def written(disclosures: Disclosures) -> bytes:
    """Disclosures as they are sealed and carried away: canonical JSON."""
    told = {place: one.told() for place, one in disclosures.items()}
    return canonical(told, plain="".join(told).isascii())


def read(text: bytes) -> Disclosures:
    """The disclosures again."""
    return {place: Disclosure(**told) for place, told in orjson.loads(text).items()}


def disclosed(data: Mapping[str, Any], disclosures: Disclosures) -> dict[str, Any]:
    """The data as it was said."""
    return put_back(data, {place: one.value for place, one in disclosures.items()})


def disposed_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data as far as it is still known: in each other place stands that it was disposed of."""
    return put_back(data, {place: disposed_value(place) for place, _ in commitments(data)})
