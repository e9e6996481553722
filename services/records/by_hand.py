"""What an officer confirmed, and nobody read back: told apart in pages, papers and reports."""

from collections.abc import Mapping
from typing import Any

from bmt.contracts.events import BY_HAND


def not_read_back(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The targets of a configuration that an officer confirmed, each once.

    Events from before say a time for these too. What was tampered with may lack anything.
    """
    evidence = data.get("evidence")
    proofs = [one for one in evidence if isinstance(one, Mapping)] if _is_list(evidence) else []
    return tuple(dict.fromkeys(str(one.get("target")) for one in proofs if not _was_read_back(one)))


def _was_read_back(proof: Mapping[str, Any]) -> bool:
    """As `Evidence.was_read_back`."""
    return bool(proof.get("read_back_at")) and proof.get("connector") not in BY_HAND


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)
