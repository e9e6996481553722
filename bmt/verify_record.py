#!/usr/bin/env python3
"""Verifies a bundle of the auditable record, alone: this file, Python 3.11 or newer, and `cryptography`.

    python verify_record.py BUNDLE.zip --key ledger.vkeys

A bundle is one request's file, carried out of the building: every event of it as a leaf of the ledger, the
proof that the leaf stands in a tree whose root was signed, and every document. A valid bundle was not
changed since it was signed; whether the people who signed told the truth, no proof can say.

Exit codes: 0 valid; 1 not valid, each finding named; 2 wrong use.
"""

import argparse
import base64
import binascii
import hashlib
import json
import mmap
import re
import struct
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "bmt-record-bundle/2"
DISPOSED = "my.gov.bmt.records.PersonalDataDisposedOf.v1"
"""The event that must come after a leaf whose personal values are gone."""

NAMES = re.compile(
    r"MANIFEST\.json|MANIFEST\.sig|checkpoint\.txt|keys\.txt|folios\.json|record\.pdf"
    r"|(?:leaves|proofs|disclosures)/\d{6}\.json|documents/[0-9a-f]{64}"
)
"""The only names in a bundle."""

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION, _DATE = 20, 33  # 1 January 1980
_DOCUMENT_ID = re.compile(r"sha256:([0-9a-f]{64})")
_NOT_AS_IT_SHOULD_BE = (
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    binascii.Error,
    struct.error,
)


@dataclass(frozen=True)
class Finding:
    """One fault: `where` is a file of the bundle, `wrong` a code, `detail` a sentence."""

    where: str
    wrong: str
    detail: str


class Wrong(Exception):  # noqa: N818  named for what is so
    """A part of the bundle is wrong."""

    def __init__(self, file: str, code: str, detail: str) -> None:
        """As `Finding`."""
        super().__init__(detail)
        self.finding = Finding(file, code, detail)


@dataclass
class Report:
    """The result: what was checked, and every finding.

    `disposed_of` are leaves whose personal values are gone. `keys` are those that checked the signatures;
    they are the bundle's own where the reader gave none.
    """

    valid: bool = False
    request_id: str = ""
    file_number: str = ""
    leaves: int = 0
    documents: int = 0
    disposed_of: int = 0
    checkpoint_size: int = 0
    checkpoint_at: str = ""
    keys: list[str] = field(default_factory=list)
    keys_are_the_bundles_own: bool = False
    findings: list[Finding] = field(default_factory=list)


# The archive: a zip of stored files in one fixed form, so that a bundle has one sequence of bytes.


def archive_parts(entries: Iterable[tuple[str, int, int]]) -> Iterator[bytes | str]:
    """The archive of `entries` (name, CRC-32, bytes): headers as bytes, a file's place as its name."""
    central, offset, count = b"", 0, 0
    for name, crc, size in entries:
        raw = name.encode()
        header = _LOCAL.pack(b"PK\3\4", _VERSION, 0, 0, 0, _DATE, crc, size, size, len(raw), 0)
        central += _CENTRAL.pack(
            *(b"PK\1\2", _VERSION, _VERSION, 0, 0, 0, _DATE, crc, size, size, len(raw)),
            *(0, 0, 0, 0, 0, offset),
        )
        central += raw
        yield header + raw
        yield name
        offset += len(header) + len(raw) + size
        count += 1
    yield central
    yield _END.pack(b"PK\5\6", 0, 0, count, count, len(central), offset, 0)


def read_archive(data: Any) -> tuple[dict[str, memoryview], list[Finding]]:
    """The files of an archive in exactly the form that `archive_parts` gives; each difference is a finding.

    Raises:
        Wrong: it is in another form, in whatever byte.
    """
    view, at = memoryview(data), 0
    files: dict[str, memoryview] = {}
    findings: list[Finding] = []
    entries: list[tuple[str, int, int]] = []
    while bytes(view[at : at + 4]) == b"PK\3\4":
        *_, crc, size, _, length, _ = _LOCAL.unpack(view[at : at + _LOCAL.size])
        start = at + _LOCAL.size + length
        name = bytes(view[at + _LOCAL.size : start]).decode("ascii", "replace")
        if not NAMES.fullmatch(name) or name in files:
            raise Wrong(
                "archive",
                "name_not_allowed",
                f"{name!r} has no place in a bundle, or has one twice",
            )
        if start + size > len(view):
            raise Wrong("archive", "archive_malformed", f"{name} ends before it should")
        files[name] = view[start : start + size]
        entries.append((name, crc, size))
        if zlib.crc32(files[name]) != crc:
            findings.append(
                Finding(name, "file_changed", "its bytes are not those it was packed with")
            )
        at = start + size
    at = 0
    for part in archive_parts(entries):
        due = files[part] if isinstance(part, str) else part
        if view[at : at + len(due)] != due:
            raise Wrong(
                "archive", "archive_malformed", "the archive is not in the form of a bundle"
            )
        at += len(due)
    if at != len(view):
        raise Wrong("archive", "archive_malformed", "something follows the archive")
    return files, findings


# Signed notes (c2sp.org/signed-note) and the tree (RFC 9162, section 2.1).


@dataclass(frozen=True)
class Key:
    """A public key that notes are verified with, as `name+key id+base64`."""

    name: str
    key_id: bytes
    raw: bytes

    @classmethod
    def parse(cls, text: str) -> "Key":
        """From its text; raises ValueError."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = base64.b64decode(encoded, validate=True)
        due = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
        if raw[:1] != b"\1" or len(raw) != 33 or due.hex() != key_id:  # noqa: PLR2004
            raise ValueError(f"{text.strip()!r} is no Ed25519 key of signed notes")
        return cls(name, due, raw[1:])

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}"


def signed_text(note: str, keys: Sequence[Key], file: str, code: str) -> str:
    """The text of a note that one of the keys signed.

    Raises:
        Wrong: none did.
    """
    text, blank, lines = note.rpartition("\n\n")
    for line in lines.splitlines() if blank else ():
        name, _, encoded = line.removeprefix("\u2014 ").partition(" ")
        raw = base64.b64decode(encoded, validate=True)
        for key in keys:
            if (key.name, key.key_id) == (name, raw[:4]) and _verifies(key, text + "\n", raw[4:]):
                return text + "\n"
    raise Wrong(file, code, "no key that is trusted has signed it")


def _verifies(key: Key, text: str, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, text.encode())
    except InvalidSignature:
        return False
    return True


def root_from_proof(leaf_hash: bytes, place: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to; raises ValueError where it leads nowhere."""
    if not 0 <= place < size:
        raise ValueError("the leaf is not in a tree of this size")
    last, found = size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise ValueError("the proof is too long")
        if place & 1 or place == last:
            found = hashlib.sha256(b"\1" + sibling + found).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + sibling).digest()
        place, last = place >> 1, last >> 1
    if last:
        raise ValueError("the proof is too short")
    return found


# The checks, each of which yields its findings.


class Verification:
    """The checks of one bundle, in order; a check whose basis is wrong is left out."""

    def __init__(
        self, files: Mapping[str, memoryview], keys: Sequence[Key], changed: Sequence[Finding] = ()
    ) -> None:
        """`keys` are the reader's; without any the bundle's own are taken, which proves less.

        `changed` has the findings about the archive itself.
        """
        self.files = files
        self.keys = list(keys)
        self.report = Report(keys_are_the_bundles_own=not keys, findings=list(changed))
        self.manifest: dict[str, Any] = {}
        self.root = b""
        self.leaves: list[dict[str, Any]] = []
        self.event_data: dict[str, Any] = {}
        self.closed: set[str] = set()

    def run(self) -> Report:
        """Everything that is wrong."""
        whole = (
            self.trust,
            self.signatures,
            self.contents,
            self.chain,
            self.disclosures,
            self.proofs,
            self.documents,
        )
        for check in whole:
            before = len(self.report.findings)
            for finding in self._found(check):
                self.report.findings.append(finding)
            if len(self.report.findings) > before and check in whole[:2]:
                break
        self.report.valid = not self.report.findings
        return self.report

    def _found(self, check: Any) -> Iterator[Finding]:
        try:
            yield from check()
        except Wrong as wrong:
            yield wrong.finding
        except _NOT_AS_IT_SHOULD_BE as error:
            yield Finding(
                check.__name__, "malformed", f"it cannot be read ({type(error).__name__})"
            )

    def text(self, name: str) -> str:
        """A file's text."""
        if name not in self.files:
            raise Wrong(name, "file_missing", "it is not in the bundle")
        return bytes(self.files[name]).decode()

    def trust(self) -> Iterator[Finding]:
        """Whose signatures count."""
        if not self.keys:
            self.keys = [Key.parse(line) for line in self.text("keys.txt").splitlines()]
        self.report.keys = [str(key) for key in self.keys]
        yield from ()

    def signatures(self) -> Iterator[Finding]:
        """The manifest and the checkpoint are the ledger's, and fit each other."""
        self.manifest = manifest = json.loads(self.text("MANIFEST.json"))
        if manifest["format"] != FORMAT:
            raise Wrong("MANIFEST.json", "manifest_malformed", f"this verifier reads {FORMAT}")
        origin = manifest["origin"]
        text = signed_text(
            self.text("MANIFEST.sig"), self.keys, "MANIFEST.sig", "manifest_signature"
        )
        digest = hashlib.sha256(self.files["MANIFEST.json"]).hexdigest()
        if text != f"{origin}/bundle\n{digest}\n":
            raise Wrong("MANIFEST.sig", "manifest_signature", "it is signed for another manifest")
        note = self.text("checkpoint.txt")
        text = signed_text(note, self.keys, "checkpoint.txt", "checkpoint_signature")
        named, size, root, at, _ = text.split("\n")
        if named != origin or any(key.name != origin for key in self.keys):
            raise Wrong("checkpoint.txt", "checkpoint_origin", "it is of another ledger")
        self.root = base64.b64decode(root, validate=True)
        self.report.checkpoint_size, self.report.checkpoint_at = int(size), at.removeprefix("at ")
        self.report.request_id = str(manifest["request_id"])
        self.report.file_number = str(manifest["file_number"])
        due = {"size": int(size), "root": self.root.hex()}
        if manifest["checkpoint"] != due:
            yield Finding("MANIFEST.json", "checkpoint_differs", "it tells of another checkpoint")

    def contents(self) -> Iterator[Finding]:
        """The bundle holds what the manifest lists, byte for byte, and nothing else."""
        listed = {one["name"]: one for one in self.manifest["files"]}
        present = set(self.files) - {"MANIFEST.json", "MANIFEST.sig"}
        for name in sorted(listed.keys() - present):
            yield Finding(name, "file_missing", "the manifest lists it, and it is not there")
        for name in sorted(present - listed.keys()):
            yield Finding(name, "file_not_listed", "it is there, and the manifest does not list it")
        if list(self.files) != ["MANIFEST.json", "MANIFEST.sig", *listed]:
            yield Finding("archive", "order_differs", "the files are not in the manifest's order")
        for name in sorted(present & listed.keys()):
            content, due = self.files[name], listed[name]
            if (hashlib.sha256(content).hexdigest(), len(content)) != (
                due["sha256"],
                due["size_bytes"],
            ):
                yield Finding(
                    name, "file_changed", "its bytes are not those that the manifest lists"
                )

    def chain(self) -> Iterator[Finding]:
        """The leaves are one request's, each bound to the one before."""
        previous = None
        names = sorted(name for name in self.files if name.startswith("leaves/"))
        for index, name in enumerate(names, start=1):
            leaf = json.loads(self.text(name))
            self.leaves.append(leaf)
            if name != f"leaves/{index:06}.json" or leaf["index"] != index:
                yield Finding(name, "chain_gap", f"leaf {index} is due here")
            if leaf["request_id"] != self.report.request_id:
                yield Finding(name, "request_differs", "it is of another request")
            if leaf["previous"] != previous:
                yield Finding(name, "chain_broken", "it does not follow the leaf before it")
            previous = leaf_hash(self.files[name]).hex()
        self.report.leaves = len(names)
        if not names:
            yield Finding("leaves", "file_missing", "there is no leaf in the bundle")

    def disclosures(self) -> Iterator[Finding]:
        """Each personal value is the one that its leaf commits to; one that is gone was disposed of later."""
        disposals = [leaf["index"] for leaf in self.leaves if leaf["event"]["type"] == DISPOSED]
        for index, leaf in enumerate(self.leaves, start=1):
            event, name = leaf["event"], f"disclosures/{index:06}.json"
            due = dict(commitments(event["data"]))
            if due and name not in self.files and any(index < later for later in disposals):
                self.closed.add(event["id"])
                continue
            opened = json.loads(self.text(name)) if due or name in self.files else {}
            for place in sorted(due.keys() | opened.keys()):
                if not proves(opened.get(place), due.get(place)):
                    yield Finding(name, "disclosure_wrong", f"{place} is not what was committed to")
            values = {place: json.loads(one["jcs"]) for place, one in opened.items()}
            self.event_data[event["id"]] = disclosed(event["data"], values)
        self.report.disposed_of = len(self.closed)
        last = f"disclosures/{self.report.leaves:06}.json"
        if beyond := [name for name in self.files if name > last and name < "disclosures0"]:
            yield Finding(beyond[0], "disclosure_wrong", "there is no such leaf")

    def proofs(self) -> Iterator[Finding]:
        """Each leaf stands in the tree that was signed, later ones at later places."""
        last = -1
        for index in range(1, self.report.leaves + 1):
            name = f"proofs/{index:06}.json"
            proof = json.loads(self.text(name))
            place, hashes = proof["sequence"], [bytes.fromhex(one) for one in proof["hashes"]]
            leaf = leaf_hash(self.files[f"leaves/{index:06}.json"])
            try:
                root = root_from_proof(leaf, place, self.report.checkpoint_size, hashes)
            except ValueError as error:
                yield Finding(name, "proof_wrong", str(error))
                continue
            if root != self.root:
                yield Finding(
                    name, "proof_wrong", f"leaf {index} is not in the tree that was signed"
                )
            if place <= last:
                yield Finding(name, "order_wrong", "its leaf stands before the one it follows")
            last = place

    def documents(self) -> Iterator[Finding]:
        """Every document that an event names is a folio with its bytes, or is listed as missing."""
        document = json.loads(self.text("folios.json"))
        named = {event_id: set(_named(data)) for event_id, data in self.event_data.items()}
        filed = {folio["document_id"] for folio in document["folios"] if "document_id" in folio}
        missing = {one["document_id"] for one in document["missing"]}
        for number, folio in enumerate(document["folios"], start=1):
            yield from self._folio(number, folio, named)
        for document_id in sorted(set().union(*named.values()) - filed - missing):
            yield Finding(
                "folios.json",
                "document_not_filed",
                f"{document_id} is named by an event, and no folio",
            )
        for document_id in sorted(missing):
            yield Finding(
                "folios.json",
                "document_missing",
                f"{document_id} could not be filed when this was exported",
            )
        self.report.documents = len(filed)

    def _folio(
        self, number: int, folio: Mapping[str, Any], named: Mapping[str, Any]
    ) -> Iterator[Finding]:
        if folio["number"] != number:
            yield Finding(
                "folios.json",
                "folio_number",
                f"folio {number} is due, and {folio['number']} stands there",
            )
        if folio["event_id"] in self.closed and "document_id" not in folio:
            return
        found = _DOCUMENT_ID.fullmatch(folio["document_id"])
        name = f"documents/{found[1] if found else ''}"
        if folio["document_id"] not in named.get(folio["event_id"], ()):
            yield Finding(
                "folios.json",
                "folio_unknown",
                f"folio {number} is no document of the event it names",
            )
        if name not in self.files:
            yield Finding(name, "file_missing", f"the bytes of folio {number} are not there")
        elif f"documents/{hashlib.sha256(self.files[name]).hexdigest()}" != name:
            yield Finding(name, "document_changed", f"folio {number} is not what it was filed as")


def leaf_hash(content: Any) -> bytes:
    """SHA-256(0x00 ‖ canonical JSON of the leaf), which is what a bundle holds byte for byte."""
    return hashlib.sha256(b"\0" + bytes(content)).digest()


def commitments(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Where in an event's data (RFC 6901) a commitment stands for a value, and which."""
    if isinstance(value, Mapping):
        commitment = value.get("commitment")
        if value.keys() == {"commitment"} and isinstance(commitment, str):
            yield pointer, commitment
            return
        for name, inner in value.items():
            escaped = name.replace("~", "~0").replace("/", "~1")
            yield from commitments(inner, f"{pointer}/{escaped}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from commitments(inner, f"{pointer}/{place}")


def proves(disclosure: Any, commitment: str | None) -> bool:
    """Whether it is SHA-256(salt ‖ canonical JSON of the value), with a salt of 32 bytes."""
    if disclosure is None or commitment is None:
        return False
    salt, jcs = bytes.fromhex(disclosure["salt"]), disclosure["jcs"].encode()
    return len(salt) == 32 and hashlib.sha256(salt + jcs).hexdigest() == commitment  # noqa: PLR2004


def disclosed(value: Any, values: Mapping[str, Any], pointer: str = "") -> Any:
    """The data with these values where their commitments stand."""
    if pointer in values:
        return values[pointer]
    if isinstance(value, Mapping):
        return {
            name: disclosed(
                inner, values, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            )
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [disclosed(one, values, f"{pointer}/{place}") for place, one in enumerate(value)]
    return value


def _named(value: Any) -> Iterator[str]:
    """Every document that an event's data names."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name == "document_id" and isinstance(inner, str):
                yield inner
            else:
                yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)


def verify(data: Any, keys: Sequence[Key] = ()) -> Report:
    """Check a bundle's bytes with these keys; the report has every finding."""
    try:
        files, changed = read_archive(data)
    except Wrong as wrong:
        return Report(findings=[wrong.finding])
    except _NOT_AS_IT_SHOULD_BE as error:
        detail = f"it cannot be read ({type(error).__name__})"
        return Report(findings=[Finding("archive", "archive_malformed", detail)])
    return Verification(files, keys, changed).run()


def verify_file(path: Path, keys: Sequence[Key] = ()) -> Report:
    """As `verify`; the file may be larger than memory; raises OSError."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return verify(b"", keys)
        return verify(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), keys)


def text_of(report: Report) -> str:
    """What a person reads."""
    lines = [f"{one.where} {one.wrong}: {one.detail}" for one in report.findings]
    if report.keys_are_the_bundles_own:
        known = ", ".join(report.keys) or "none"
        lines.append(
            f"no key was given: held against the bundle's own ({known}); compare it with one you trust (--key)"
        )
    if report.valid:
        lines.append(
            f"valid: file {report.file_number}, request {report.request_id}: {report.leaves} leaves and "
            f"{report.documents} documents, signed {report.checkpoint_at} in a tree of {report.checkpoint_size} leaves"
        )
        if report.disposed_of:
            lines.append(f"the personal data of {report.disposed_of} leaves was disposed of")
    else:
        lines.append(f"NOT valid: {len(report.findings)} findings")
    return "\n".join(lines)


def keys_from(texts: Sequence[str]) -> list[Key]:
    """Keys, each given as itself or as the name of a file with one a line; raises OSError, ValueError."""
    lines: list[str] = []
    for text in texts:
        lines += Path(text).read_text().splitlines() if Path(text).is_file() else [text]
    return [Key.parse(line) for line in lines if line.strip()]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; the exit code."""
    parser = argparse.ArgumentParser(description="Verifies a bundle of the auditable record.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument(
        "--key", action="append", default=[], help="a key, or a file of keys, that you trust"
    )
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    given = parser.parse_args(arguments)
    try:
        report = verify_file(given.bundle, keys_from(given.key))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"verify_record: {error}\n")
        return 2
    sys.stdout.write(
        (json.dumps(asdict(report), indent=2) if given.json else text_of(report)) + "\n"
    )
    return 0 if report.valid else 1


if __name__ == "__main__":
    sys.exit(main())
