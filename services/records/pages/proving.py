"""A bundle verified where it was made, by the code that an auditor verifies it with elsewhere."""

import json
import mmap
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bmt.verify_record import Key, Report, read_archive, verify
from services.records.bundle.contents import Bundle


@dataclass(frozen=True, slots=True)
class ProvenLeaf:
    """A leaf's proof, as the bundle holds it.

    Attributes:
        index: its place in the file's chain.
        sequence: its place in the tree over all files, from 0.
        hashes: the path to the root (RFC 6962, 2.1.1), in hex.
    """

    index: int
    sequence: int
    hashes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Proven:
    """What the verification found, and what it looked at.

    Attributes:
        report: as `bmt records verify` tells it.
        leaves: each leaf's proof.
        checkpoint: the signed note.
        keys: those that it was held against, as an auditor gives them.
        size_bytes: of the bundle.
    """

    report: Report
    leaves: Sequence[ProvenLeaf]
    checkpoint: str
    keys: Sequence[str]
    size_bytes: int


def proven(bundle: Bundle, keys: Sequence[str]) -> Proven:
    """Writes the bundle to a file of its own and verifies that where it lies, however large it is."""
    with tempfile.TemporaryFile() as file:
        for piece in bundle.pieces():
            file.write(piece)
        file.flush()
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    report = verify(data, [Key.parse(key) for key in keys])
    files, _ = read_archive(data)
    return Proven(
        report=report,
        leaves=[_leaf(name, files[name]) for name in sorted(files) if name.startswith("proofs/")],
        checkpoint=bytes(files["checkpoint.txt"]).decode(),
        keys=keys,
        size_bytes=bundle.size_bytes,
    )


def _leaf(name: str, proof: memoryview) -> ProvenLeaf:
    told: dict[str, Any] = json.loads(bytes(proof))
    index = int(name.removeprefix("proofs/").removesuffix(".json"))
    return ProvenLeaf(index, told["sequence"], told["hashes"])
