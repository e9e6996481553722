"""`bmt witness`: checks the ledger's newest checkpoint from outside and cosigns it, or raises the alarm."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
)
from cryptography.x509 import load_pem_x509_certificates

from bmt.chassis.errors import WrongConfiguration
from bmt.cli.command_line import Exit, NotRunning, NotSo
from services.records.tree.checkpoints import Checkpoint, KeyUnusable, Verifier
from services.records.tree.witness import (
    QUERY,
    HistoryRewritten,
    NotTheLedgers,
    NotTimestamped,
    Question,
    Witness,
    hold_against,
)

TOKEN: Final = "BMT_TOKEN"  # noqa: S105  the variable's name
SECONDS: Final = 30.0
LATEST: Final = "latest.txt"

Url = Annotated[
    str, typer.Option("--url", metavar="URL", envvar="BMT_RECORDS_URL", help="Of records.")
]
Keys = Annotated[
    Path,
    typer.Option(
        "--ledger-keys",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="The ledger's public keys (ledger.vkeys), from somebody you trust.",
    ),
]
Folder = Annotated[
    Path,
    typer.Option(
        "--folder", metavar="DIR", help="Where this witness keeps its key and what it has seen."
    ),
]
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Of this witness' key.")]

Authority = Annotated[
    str | None,
    typer.Option(
        "--timestamp-url",
        metavar="URL",
        help="A time-stamping authority (RFC 3161), which attests when the checkpoint was there.",
    ),
]
Roots = Annotated[
    Path | None,
    typer.Option(
        "--timestamp-roots",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Its root certificates (PEM), from somebody you trust.",
    ),
]


def witness(
    url: Url,
    ledger_keys: Keys,
    folder: Folder,
    name: Name = "bmt-witness",
    timestamp_url: Authority = None,
    timestamp_roots: Roots = None,
) -> None:
    """Hold the newest checkpoint against the last one seen; 1 when history was rewritten.

    Run it often, on a machine that the operator of the ledger has no hand on. A token of any role comes from
    BMT_TOKEN. What is cosigned is written to the folder, one file a checkpoint; the newest is latest.txt. With an
    authority each has its timestamp beside it (.tsr, for `openssl ts -verify` too).
    """
    if (timestamp_url is None) != (timestamp_roots is None):
        raise typer.BadParameter("--timestamp-url and --timestamp-roots go together")
    own = _witness(name, ledger_keys, folder)
    note = _get(url, "/v1/checkpoints/latest").text
    try:
        cosigned = _seen(own, note, url, folder)
    except (HistoryRewritten, NotTheLedgers) as error:
        refused = folder / f"refused-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.txt"
        refused.write_text(note)
        raise NotSo(f"NOT cosigned: {error}; what was shown is kept in {refused}") from None
    typer.echo(f"cosigned by {own.verifier}: {cosigned.size} leaves, signed {cosigned.at}")
    if timestamp_url is not None and timestamp_roots is not None:
        at = _stamped(_file(folder, cosigned), timestamp_url, timestamp_roots)
        typer.echo(f"timestamped {at.isoformat()}")
    raise typer.Exit(Exit.DONE)


def _seen(own: Witness, note: str, url: str, folder: Path) -> Checkpoint:
    """The checkpoint, cosigned and kept."""
    new = own.read(note)
    latest = folder / LATEST
    if latest.exists():
        last = own.read(latest.read_text())
        if last.size <= new.size:
            sizes = {"from": last.size, "to": new.size}
            hashes = _get(url, "/v1/checkpoints/consistency", sizes).json()["hashes"]
        else:
            hashes = []
        hold_against(last, new, [bytes.fromhex(one) for one in hashes])
    cosigned = own.cosign(note, datetime.now(UTC))
    for file in (_file(folder, new), latest):
        aside = file.with_suffix(".new")
        aside.write_text(cosigned)
        aside.replace(file)
    return new


def _file(folder: Path, checkpoint: Checkpoint) -> Path:
    return folder / f"{checkpoint.size:012}-{checkpoint.at.replace(':', '')}.txt"


def _witness(name: str, ledger_keys: Path, folder: Path) -> Witness:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "witness.key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(Ed25519PrivateKey.generate().private_bytes_raw())
    try:
        ledger = [Verifier.parse(line) for line in ledger_keys.read_text().split()]
        key = Ed25519PrivateKey.from_private_bytes(file.read_bytes())
    except (KeyUnusable, ValueError) as error:
        raise WrongConfiguration(f"{ledger_keys} or {file} holds no key: {error}") from None
    return Witness(name, key, ledger)


def _get(url: str, path: str, parameters: dict[str, int] | None = None) -> Any:
    token = os.environ.get(TOKEN)
    if not token:
        raise WrongConfiguration(f"{TOKEN} is missing: a token of any role")
    try:
        answer = httpx.get(
            url.rstrip("/") + path,
            params=parameters,
            headers={"Authorization": f"Bearer {token}"},
            timeout=SECONDS,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise NotRunning(f"records at {url} does not answer ({type(error).__name__})") from None
    if not answer.is_success:
        raise NotRunning(f"records at {url} answered {answer.status_code}")
    return answer


def _stamped(file: Path, url: str, roots: Path) -> datetime:
    """The time that a time-stamping authority (RFC 3161) attests. Its answer is kept as the file's name with `.tsr`.

    Raises:
        WrongConfiguration: the roots are no certificates.
        NotRunning: the authority does not answer; the file stays, and can be stamped by hand.
        NotSo: its answer attests nothing about the file.
    """
    try:
        trusted = load_pem_x509_certificates(roots.read_bytes())
    except ValueError:
        raise WrongConfiguration(f"{roots} holds no certificate (PEM)") from None
    question = Question(file.read_bytes())
    try:
        answer = httpx.post(
            url, content=question.encoded(), headers={"Content-Type": QUERY}, timeout=SECONDS
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise NotRunning(f"{url} gave no timestamp ({type(error).__name__})") from None
    try:
        at = question.attested_at(answer.content, trusted)
    except NotTimestamped as error:
        raise NotSo(f"NOT timestamped: {url} answered what attests nothing: {error}") from None
    file.with_suffix(".tsr").write_bytes(answer.content)
    return at
