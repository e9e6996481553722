"""The newest checkpoint and the proofs that lead to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from bmt.chassis.errors import Unavailable
from bmt.contracts.problems import FieldError, Refused
from services.records.tree.checkpoints import Checkpoints, SignedCheckpoint
from services.records.tree.merkle import consistency_ranges, inclusion_ranges
from services.records.tree.tree_store import TreeStore


class NothingSigned(Unavailable):
    """There is no checkpoint yet, or none with the requested leaves; try again."""

    def __init__(self) -> None:
        super().__init__("sequencer")


class NoSuchTree(Refused):
    """A size was never signed, or the first is larger than the second."""

    problem = "validation_failed"


@dataclass(frozen=True, slots=True)
class Proof:
    """One leaf is in the tree of a checkpoint.

    Attributes:
        sequence: the leaf's number, from 0.
        hashes: the audit path, from the bottom up (RFC 6962, section 2.1.1).
    """

    sequence: int
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TreeReading:
    """Reads one tree."""

    tree: TreeStore
    checkpoints: Checkpoints

    async def latest(self) -> SignedCheckpoint:
        """The newest checkpoint.

        Raises:
            NothingSigned: there is none yet.
        """
        latest = await self.checkpoints.latest()
        if latest is None:
            raise NothingSigned
        return latest

    async def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that the tree of `first` leaves begins the tree of `second`.

        Raises:
            NoSuchTree: the second is larger than the signed tree, or the first than the second.
        """
        size = (await self.latest()).checkpoint.size
        if second > size:
            raise _refused(FieldError.of("/query/to", "more_than_signed", maximum=size))
        if first > second:
            raise _refused(FieldError.of("/query/from", "from_after_to"))
        return await self.tree.roots(consistency_ranges(first, second))

    async def proofs(self, request_id: str, indexes: Sequence[int], size: int) -> list[Proof]:
        """The proofs of a chain's leaves in the tree of `size` leaves.

        Raises:
            NothingSigned: one of them is not in it.
        """
        numbers = await self.tree.numbers([request_id])
        found = [numbers.get((request_id, index)) for index in indexes]
        known = [number for number in found if number is not None and number < size]
        if len(known) != len(found):
            raise NothingSigned
        paths = [inclusion_ranges(number, size) for number in known]
        roots = dict(
            zip(
                wanted := list({part for path in paths for part in path}),
                await self.tree.roots(wanted),
                strict=True,
            )
        )
        return [
            Proof(number, tuple(roots[part] for part in path))
            for number, path in zip(known, paths, strict=True)
        ]


def _refused(wrong: FieldError) -> NoSuchTree:
    return NoSuchTree(wrong.detail, errors=(wrong,))
