"""The token issuer of an evaluation: OIDC discovery, the keys that verify its tokens, and a login without passwords.

Tokens are also made by `bmt token`, with the key of the data directory. Services verify them exactly as they
verify those of an agency's own issuer.

The server itself is `issuer_server`.
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
    """One issuer.

    Attributes:
        key: the file of its private key.
        port: on loopback.
    """

    key: Path
    port: int

    @property
    def url(self) -> str:
        """Its address, which is the `iss` of its tokens."""
        return f"http://{HOST}:{self.port}"

    def mint(self) -> Mint:
        """What makes its tokens, whether or not its process runs."""
        return mint(self.url, self.key)

    def program(self) -> Program:
        """How it is run."""
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
        self.mint()  # here, so that `bmt token` and the process never make the key both at once

    async def _ready(self) -> bool:
        return await answers(self.url + DISCOVERY)
