"""Whether what is personal is still what its leaf commits to: pure, over leaves as they are found."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from bmt.verify_record import DISPOSED, commitments
from services.records.ledger.leaf import Sealed
from services.records.ledger.verification import Fault, RawLeaf
from services.records.sealing.keys import PersonKey, SealBroken
from services.records.sealing.leaf_seals import differences, disclosures_of

_CHANGED: Final = "the personal data of leaf {} is not what the leaf commits to"
_KEY_GONE: Final = "the key of leaf {} is gone, and no disposal is on record after it"


def keys_named(leaves: Iterable[RawLeaf]) -> set[str]:
    """The ids of the keys that leaves are sealed under."""
    return {sealed.key for leaf in leaves if (sealed := _sealed(leaf)) is not None}


def sealing_faults(
    request_id: str, leaves: Sequence[RawLeaf], keys: Mapping[str, PersonKey]
) -> Iterator[Fault]:
    """What is wrong with the personal values of one chain, `keys` being those that still are."""
    disposed = [_index(leaf) for leaf in leaves if _type(leaf) == DISPOSED]
    for leaf in leaves:
        index, event = _index(leaf), leaf.get("event")
        data = event.get("data") if isinstance(event, Mapping) else None
        sealed = _sealed(leaf)
        if sealed is None:
            if any(commitments(data)):
                yield Fault(request_id, index, "disclosure_mismatch", _CHANGED.format(index))
        elif sealed.key not in keys:
            if not any(index < later for later in disposed):
                yield Fault(request_id, index, "key_missing", _KEY_GONE.format(index))
        elif _differs(data, str(leaf.get("_id")), sealed, keys[sealed.key]):
            yield Fault(request_id, index, "disclosure_mismatch", _CHANGED.format(index))


def _differs(data: Any, event_id: str, sealed: Sealed, key: PersonKey) -> bool:
    try:
        return any(differences(data, disclosures_of(sealed, event_id, key)))
    except (SealBroken, ValueError, TypeError, AttributeError):
        return True


def _sealed(leaf: RawLeaf) -> Sealed | None:
    try:
        return Sealed(str(leaf["sealed"]["key"]), bytes(leaf["sealed"]["text"]))
    except (KeyError, TypeError):
        return None


def _index(leaf: RawLeaf) -> int:
    index = leaf.get("index")
    return int(index) if isinstance(index, int | float) else 0


def _type(leaf: RawLeaf) -> Any:
    event = leaf.get("event")
    return event.get("type") if isinstance(event, Mapping) else None
