"""The sample requests of examples/: what comes in, by which channel, with which papers."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bmt.chassis.runtime import strict_yaml
from bmt.embedded.errors import WrongConfiguration
from bmt.embedded.layout import REPOSITORY

EXAMPLES: Final = REPOSITORY / "examples"


@dataclass(frozen=True)
class Sample:
    """One request that comes in.

    Attributes:
        name: of its file, for example `2-memo`.
        agency: whose administrator handles it.
        body: of `POST /v1/requests`; empty for an e-mail.
        email: the whole message; empty for a paper.
        papers: scans to upload with it.
        evidence: what a person files when IPMS is configured by hand.
        after: the sample that must be filed before this one comes in.
    """

    name: str
    agency: str
    body: dict[str, Any] = field(default_factory=dict)
    email: bytes = b""
    papers: tuple[Path, ...] = ()
    evidence: Path | None = None
    after: str | None = None

    @property
    def channel(self) -> str:
        """The way it comes in."""
        return str(self.body.get("channel", "email"))

    @property
    def kind(self) -> str:
        """Application or termination."""
        return str(self.body.get("kind", "application"))


def samples() -> list[Sample]:
    """All samples, in the order of their names.

    Raises:
        WrongConfiguration: the examples are not there.
    """
    files = sorted((EXAMPLES / "requests").glob("*.*"))
    if not files:
        raise WrongConfiguration(f"{EXAMPLES} is not there: run bmt demo from a clone")
    return [_email(file) if file.suffix == ".eml" else _paper(file) for file in files]


def _email(file: Path) -> Sample:
    return Sample(name=file.stem, agency="MAMPU", email=file.read_bytes())


def _paper(file: Path) -> Sample:
    said = strict_yaml.read(file.read_text(encoding="utf-8"))
    evidence = said.get("evidence")
    return Sample(
        name=file.stem,
        agency=said["body"]["agency"],
        body=said["body"],
        papers=(EXAMPLES / "documents" / said["document"],),
        evidence=EXAMPLES / "documents" / evidence if evidence else None,
        after=said.get("after"),
    )
