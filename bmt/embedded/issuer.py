"""The token issuer of an evaluation: OIDC discovery and the keys that verify its tokens.

It has no login: tokens are made by `bmt token`, with the key of the data directory. Services verify
them exactly as they verify those of an agency's own issuer.

Run as `python -m bmt.embedded.issuer --port N --key FILE`.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bmt.embedded.ports import HOST
from bmt.embedded.program import Program
from bmt.embedded.tokens import ALGORITHM, Mint, mint

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"


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
                *(sys.executable, "-m", "bmt.embedded.issuer"),
                *("--port", str(self.port), "--key", str(self.key)),
            ),
            prepare=self._prepare,
            ready=self._ready,
        )

    async def _prepare(self) -> None:
        self.mint()  # here, so that `bmt token` and the process never make the key both at once

    async def _ready(self) -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                answer = await client.get(self.url + DISCOVERY)
            except httpx.TransportError:
                return False
        return answer.is_success


def application(minter: Mint) -> Starlette:
    """What a verifier asks an OIDC provider for."""
    issuer = minter.issuer
    discovery = {
        "issuer": issuer,
        "jwks_uri": issuer + KEYS,
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
    }

    async def answer_discovery(_: Request) -> JSONResponse:
        return JSONResponse(discovery)

    async def answer_keys(_: Request) -> JSONResponse:
        return JSONResponse(minter.public_keys())

    return Starlette(routes=[Route(DISCOVERY, answer_discovery), Route(KEYS, answer_keys)])


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m bmt.embedded.issuer")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", type=Path, required=True)
    chosen = parser.parse_args()
    app = application(Issuer(chosen.key, chosen.port).mint())
    uvicorn.run(app, host=HOST, port=chosen.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
