"""The evaluation's token issuer: OIDC discovery, public keys, and a login without passwords.

`bmt token` makes tokens with the same key. Services verify them as they verify those of an agency's own issuer.
The server is `issuer_server`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evaluation.ports import HOST, answers
from evaluation.supervisor import Program
from evaluation.tokens import Mint, mint

DISCOVERY: Final = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Issuer:
    """One issuer; `key` is the file of its private key."""

    key: Path
    port: int

    @property
    def url(self) -> str:
        """The `iss` of its tokens."""
        return f"http://{HOST}:{self.port}"

    def mint(self) -> Mint:
        """It works whether or not the process runs."""
        return mint(self.url, self.key)

    def program(self) -> Program:
        return Program(
            name="issuer",
            command=(
                *(sys.executable, "-m", "evaluation.issuer_server"),
                *("--port", str(self.port), "--key", str(self.key)),
            ),
            prepare=self._prepare,
            ready=self._ready,
        )

    async def _prepare(self) -> None:
        self.mint()  # before the start, so that `bmt token` and the process never make the key concurrently

    async def _ready(self) -> bool:
        return await answers(self.url + DISCOVERY)
