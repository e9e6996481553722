"""What an officer confirmed, and nobody read back: told apart in pages, papers and reports."""

from collections.abc import Mapping
from typing import Any

from bmt.contracts.values import BY_HAND


def not_read_back(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The targets of a configuration that an officer confirmed, each once.

    Events from before say a time for these too. What was tampered with may lack anything.
    """
    evidence = data.get("evidence")
    said = evidence if isinstance(evidence, list | tuple) else ()
    proofs = [one for one in said if isinstance(one, Mapping)]
    return tuple(dict.fromkeys(str(one.get("target")) for one in proofs if not _was_read_back(one)))


def _was_read_back(proof: Mapping[str, Any]) -> bool:
    """As `Evidence.was_read_back`."""
    return bool(proof.get("read_back_at")) and proof.get("connector") not in BY_HAND
