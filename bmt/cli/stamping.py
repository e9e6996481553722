"""Has a file's time attested by an authority (RFC 3161); what it answers is kept beside the file."""

from datetime import datetime
from pathlib import Path
from typing import Final

from bmt.cli.outcome import NotSo

SECONDS: Final = 30.0
ENDING: Final = ".tsr"


def stamped(file: Path, url: str, roots: Path) -> datetime:
    """The time that the authority attests; its answer is the file's name with `.tsr`.

    Raises:
        WrongConfiguration: the roots are no certificates.
        NotRunning: the authority does not answer; the file stays, and can be stamped by hand.
        NotSo: its answer attests nothing about the file.
    """
    import httpx  # noqa: PLC0415 - the command starts fast
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415

    from bmt.chassis.errors import WrongConfiguration  # noqa: PLC0415
    from bmt.cli.outcome import NotRunning  # noqa: PLC0415
    from services.records.tree.timestamps import (  # noqa: PLC0415
        QUERY,
        NotTimestamped,
        Question,
    )

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
    file.with_suffix(ENDING).write_bytes(answer.content)
    return at
