"""A bundle is valid as it was made, and in no other way: each check can fail, and no change is accepted."""

import hashlib
import io
import json
import random
import subprocess
import sys
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import bundles
import pytest
from fixtures.ledger_keys import new_keys
from fixtures.thoroughness import LONG

from bmt import verify_record
from bmt.verify_record import Key, Verification, archive_parts, read_archive, verify
from services.records.tree.checkpoints import Checkpoint, Signer

MUTATIONS = 12_000 if LONG else 1_500
VERIFIER = Path(verify_record.__file__)
MADE = bundles.bundle()


def found(data, keys=bundles.KEYS):
    return [finding.wrong for finding in verify(data, keys).findings]


def zipped(files):
    """An archive of these files, in the form of a bundle."""
    entries = [(name, zlib.crc32(content), len(content)) for name, content in files.items()]
    parts = archive_parts(entries)
    return b"".join(files[part] if isinstance(part, str) else part for part in parts)


def opened(data=MADE):
    files, changed = read_archive(data)
    assert changed == []
    return {name: bytes(content) for name, content in files.items()}


def signed_again(files, signer=bundles.SIGNER):
    """With a manifest that lists what there is, as somebody with a key could make it."""
    manifest = json.loads(files["MANIFEST.json"])
    manifest["files"] = [
        {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
        for name, content in files.items()
        if not name.startswith("MANIFEST")
    ]
    raw = json.dumps(manifest).encode()
    text = f"{bundles.ORIGIN}/bundle\n{hashlib.sha256(raw).hexdigest()}\n"
    return zipped({**files, "MANIFEST.json": raw, "MANIFEST.sig": signer.sign(text).encode()})


def test_a_bundle_as_it_was_made_is_valid_and_any_program_opens_it():
    report = verify(MADE, bundles.KEYS)
    assert report.findings == []
    assert (report.valid, report.keys_are_the_bundles_own) == (True, False)
    assert (report.leaves, report.documents, report.checkpoint_size) == (4, 2, 11)
    assert (report.request_id, report.file_number) == ("r-1", "MAMPU.BMT.600-1/2/17")
    with zipfile.ZipFile(io.BytesIO(MADE)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == opened()


def test_without_a_key_the_bundles_own_are_taken_and_that_is_said():
    report = verify(MADE)
    assert report.valid
    assert report.keys_are_the_bundles_own
    assert "compare it with one you trust" in verify_record.text_of(report)


def test_the_script_alone_verifies_offline(tmp_path):
    for name, content in (("good.zip", MADE), ("bad.zip", MADE.replace(b"surat", b"SURAT", 1))):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "ledger.vkeys").write_text("".join(f"{v}\n" for v in bundles.SIGNER.verifiers))
    (tmp_path / "verify.py").write_bytes(VERIFIER.read_bytes())

    def run(*arguments):
        command = [sys.executable, "-I", "verify.py", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    good, bad = (run(name, "--key", "ledger.vkeys") for name in ("good.zip", "bad.zip"))
    assert (good.returncode, bad.returncode) == (0, 1), good.stderr
    assert good.stdout.startswith("valid: file MAMPU.BMT.600-1/2/17, request r-1")
    assert "NOT valid" in bad.stdout
    assert run("nowhere.zip").returncode == 2
    assert run("good.zip", "--key", "no key").returncode == 2
    assert json.loads(run("bad.zip", "--json").stdout)["valid"] is False


def change(name, before, after):
    def changed(files):
        assert before in files[name]
        return {**files, name: files[name].replace(before, after, 1)}

    return changed


def without(name):
    return lambda files: {other: content for other, content in files.items() if other != name}


def swapped(one, other):
    return lambda files: {**files, one: files[other], other: files[one]}


LEAF, TOLD, PROOF = (f"{of}/000002.json" for of in ("leaves", "disclosures", "proofs"))
DOCUMENT = f"documents/{hashlib.sha256(b'borang').hexdigest()}"
UNNAMED = f"documents/{hashlib.sha256(b'unnamed').hexdigest()}"


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        (change(LEAF, b'"my.gov', b'"MY.gov'), "proof_wrong"),
        (change(LEAF, b'"index":2', b'"index":3'), "chain_gap"),
        (
            change(LEAF, b'"request_id":"r-1"', b'"request_id":"r-2"'),
            "request_differs",
        ),
        (change("leaves/000001.json", b'"my.gov', b'"MY.gov'), "chain_broken"),
        (change(TOLD, b"Kapasiti", b"kapasiti"), "disclosure_wrong"),
        (
            change(TOLD, b"/justification", b"/justificatiom"),
            "disclosure_wrong",
        ),
        (swapped("disclosures/000003.json", "disclosures/000004.json"), "disclosure_wrong"),
        (without(TOLD), "file_missing"),
        (
            lambda files: {**files, "disclosures/000005.json": files["disclosures/000004.json"]},
            "disclosure_wrong",
        ),
        (without("leaves/000003.json"), "chain_gap"),
        (swapped(LEAF, "leaves/000003.json"), "chain_gap"),
        (change(PROOF, b'"sequence":4', b'"sequence":5'), "proof_wrong"),
        (change(PROOF, b'"sequence":4', b'"sequence":99'), "proof_wrong"),
        (change(PROOF, b'"hashes":["', b'"hashes":["00'), "proof_wrong"),
        (without(PROOF), "file_missing"),
        (change(DOCUMENT, b"borang", b"BORANG"), "document_changed"),
        (without(DOCUMENT), "file_missing"),
        (change("folios.json", b'"number":2', b'"number":3'), "folio_number"),
        (change("folios.json", b'"event_id":"r-1-e0"', b'"event_id":"r-1-e3"'), "folio_unknown"),
        (
            lambda files: {**files, "folios.json": b'{"folios":[],"missing":[]}'},
            "document_not_filed",
        ),
        (change("checkpoint.txt", b"bmt.records\n11", b"bmt.records\n12"), "checkpoint_signature"),
        (lambda files: {**files, "leaves/000001.json": b"[" * 100_000}, "malformed"),
        (lambda files: {**files, "folios.json": b'{"folios":[1],"missing":[]}'}, "malformed"),
    ],
)
def test_even_who_signs_the_manifest_anew_is_found_out(changed, wrong):
    assert wrong in found(signed_again(changed(opened())))


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        (change("MANIFEST.json", b"r-1", b"r-2"), "manifest_signature"),
        (change("keys.txt", b"bmt.records", b"bmt.recordz"), "file_changed"),
        (change("record.pdf", b"people", b"peoplE"), "file_changed"),
        (without("keys.txt"), "file_missing"),
        (without("MANIFEST.sig"), "file_missing"),
        (lambda files: {**files, UNNAMED: b"unnamed"}, "file_not_listed"),
    ],
)
def test_what_the_manifest_does_not_say_is_found(changed, wrong):
    assert wrong in found(zipped(changed(opened())))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        (LEAF, {"file_changed", "chain_broken", "proof_wrong"}),
        (TOLD, {"file_changed"}),
        ("proofs/000003.json", {"file_changed"}),
        (DOCUMENT, {"file_changed", "document_changed"}),
        ("checkpoint.txt", {"file_changed", "checkpoint_signature"}),
        ("MANIFEST.sig", {"file_changed", "manifest_signature"}),
        ("folios.json", {"file_changed"}),
        ("keys.txt", {"file_changed"}),
    ],
)
def test_one_byte_anywhere_and_the_file_it_is_in_is_named(name, wrong):
    content = opened()[name]
    at = MADE.index(content) + len(content) // 2
    report = verify(MADE[:at] + bytes([MADE[at] ^ 1]) + MADE[at + 1 :], bundles.KEYS)
    assert name in {finding.where for finding in report.findings}
    assert wrong <= {finding.wrong for finding in report.findings}


def test_what_another_key_signed_is_not_believed():
    stranger = Signer.from_pem(bundles.ORIGIN, new_keys())
    forged = bundles.bundle(signer=stranger)
    assert found(forged, [Key.parse(str(one)) for one in stranger.verifiers]) == []
    assert found(forged) == ["manifest_signature"]
    assert found(signed_again(opened(), stranger)) == ["manifest_signature"]


def test_a_manifest_of_another_checkpoint_or_of_another_ledger_is_found():
    file = bundles.file()
    at = file.checkpoint.checkpoint
    other = Checkpoint("another.ledger", at.size, at.root, at.at).text()
    note = bundles.SIGNER.sign(other)
    files = {**opened(), "checkpoint.txt": note.encode()}
    assert "checkpoint_origin" in found(signed_again(files))
    smaller = Checkpoint(at.origin, 12, at.root, at.at).text()
    files = {**opened(), "checkpoint.txt": bundles.SIGNER.sign(smaller).encode()}
    assert "checkpoint_differs" in found(signed_again(files))
    assert "manifest_malformed" in found(
        zipped(change("MANIFEST.json", b"bmt-record-bundle/2", b"bmt-record-bundle/9")(opened()))
    )


def test_a_document_that_could_not_be_filed_is_shown():
    missing = bundles.document_id(b"never came")
    made = bundles.bundle(bundles.file(missing=[missing]))
    assert found(made) == ["document_missing"]


def test_what_was_disposed_of_is_gone_and_the_rest_still_verifies():
    made = bundles.bundle(bundles.file(closed=(0, 2)))
    report = verify(made, bundles.KEYS)
    assert report.findings == []
    assert (report.disposed_of, report.documents) == (2, 1)
    assert "of 2 leaves was disposed of" in verify_record.text_of(report)
    files = opened(made)
    assert DOCUMENT not in files
    assert "disclosures/000001.json" not in files
    assert b"borang" not in made
    assert bundles.document_id(b"borang").encode() not in made


def test_what_is_kept_back_without_a_disposal_on_record_is_found():
    file = bundles.file()
    kept_back = [replace(leaf, disclosures=None) for leaf in file.leaves]
    made = bundles.bundle(replace(file, leaves=kept_back))
    assert "file_missing" in found(made)


def test_a_value_is_not_proven_by_a_salt_that_begins_it():
    files = opened()
    told = json.loads(files[TOLD])
    one = told["/justification"]
    one["salt"] += one["jcs"].encode()[:1].hex()
    one["jcs"] = one["jcs"][1:]
    changed = {**files, TOLD: json.dumps(told).encode()}
    assert "disclosure_wrong" in found(signed_again(changed))


def test_a_leaf_proven_at_a_place_before_the_one_it_follows_is_found():
    files = opened()
    verification = Verification(
        {name: memoryview(content) for name, content in files.items()}, bundles.KEYS
    )
    verification.run()
    for kind in ("leaves", "proofs"):
        exchanged = swapped(f"{kind}/000001.json", f"{kind}/000002.json")
        verification.files = exchanged(dict(verification.files))
    assert "order_wrong" in [finding.wrong for finding in verification.proofs()]


@pytest.mark.parametrize(
    "name",
    [b"../etc/cron/evil", b"/leaves/0001.jso", b"leaves\\00001.json", b"leaves/000001.JSO"],
)
def test_a_name_that_leads_elsewhere_is_refused(name):
    before = b"leaves/000001.json"
    assert found(MADE.replace(before, name.ljust(len(before), b"x")[: len(before)])) == [
        "name_not_allowed"
    ]


def test_compressed_encrypted_padded_and_doubled_archives_are_refused():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in opened().items():
            archive.writestr(name, content)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("MANIFEST.json", b"0" * 50_000_000)
    twice = MADE[: MADE.index(b"PK\1\2")]
    for data in (packed.getvalue(), bomb.getvalue(), MADE + b"\0", b"\0" + MADE, twice * 2, b""):
        assert found(data)[0] in ("archive_malformed", "name_not_allowed", "file_missing")


OTHER = bundles.bundle(replace(bundles.file("r-2"), file_number="MAMPU.BMT.600-1/2/18"))


def mutated(chance):
    """One of the ways in which a bundle could be another."""
    files, others = opened(), opened(OTHER)
    names, other = sorted(files), sorted(others)
    way = chance.randrange(8)
    if way <= 2:
        data = bytearray(MADE)
        for _ in range(chance.choice((1, 1, 1, 2, 20))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return bytes(data)
    if way == 3:
        start, end = sorted(chance.randrange(len(MADE) + 1) for _ in range(2))
        return MADE[:start] + MADE[end:]
    if way == 4:
        at = chance.randrange(len(MADE) + 1)
        return MADE[:at] + chance.randbytes(chance.randrange(1, 40)) + MADE[at:]
    if way == 5:
        del files[chance.choice(names)]
    elif way == 6:
        files[chance.choice(names)] = others[chance.choice(other)]
    else:
        order = names[:]
        chance.shuffle(order)
        files = {name: files[name] for name in order}
    return zipped(files) if chance.random() < 0.5 else _signed_by_stranger(files)


STRANGER = Signer.from_pem(bundles.ORIGIN, new_keys())


def _signed_by_stranger(files):
    try:
        return signed_again(files, STRANGER)
    except (KeyError, ValueError):  # its manifest is gone, or no manifest any more
        return zipped(files)


def test_no_mutation_is_accepted_and_none_breaks_the_verifier():
    chance = random.Random(20261127)
    accepted = []
    tried = 0
    while tried < MUTATIONS:
        data = mutated(chance)
        if data in (MADE, OTHER):
            continue
        tried += 1
        if verify(data, bundles.KEYS).valid:
            accepted.append(data)
    assert accepted == []
