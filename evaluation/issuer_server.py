"""The issuer's server: `python -m evaluation.issuer_server --port N --key FILE`."""

import argparse
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from evaluation import issuer_login, issuer_logout
from evaluation.issuer import DISCOVERY, Issuer
from evaluation.issuer_login import Sessions
from evaluation.ports import HOST
from evaluation.tokens import ALGORITHM, Mint

KEYS: Final = "/keys"


def application(minter: Mint) -> Starlette:
    """Discovery, keys, login and logout."""
    issuer = minter.issuer
    discovery = {
        "issuer": issuer,
        "jwks_uri": issuer + KEYS,
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "subject_types_supported": ["public"],
        **issuer_login.discovery(issuer),
        **issuer_logout.discovery(issuer),
    }

    async def answer_discovery(_: Request) -> JSONResponse:
        return JSONResponse(discovery)

    async def answer_keys(_: Request) -> JSONResponse:
        return JSONResponse(minter.public_keys())

    told = [Route(DISCOVERY, answer_discovery), Route(KEYS, answer_keys)]
    sessions = Sessions()
    people = [*issuer_login.routes(minter, sessions), *issuer_logout.routes(minter, sessions)]
    return Starlette(routes=[*told, *people])


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.issuer_server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", type=Path, required=True)
    chosen = parser.parse_args()
    app = application(Issuer(chosen.key, chosen.port).mint())
    uvicorn.run(app, host=HOST, port=chosen.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
