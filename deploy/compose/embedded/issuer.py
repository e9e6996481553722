"""The evaluation's issuer in Keycloak's place; `issuer.py ROLE [AGENCY [ACCOUNT]]` prints a token instead."""

import os
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from evaluation.issuer import holder, mint
from evaluation.issuer_server import application

ISSUER = os.environ["KC_HOSTNAME"] + "/realms/bmt"
KEY = Path("/opt/keycloak/data/key.json")

if __name__ == "__main__":
    if len(sys.argv) > 1:
        role, agency, account = (*sys.argv[1:], "", "")[:3]
        sys.stdout.write(mint(ISSUER, KEY).token(holder([role], agency, account or None)) + "\n")
    else:
        uvicorn.run(
            Starlette(routes=[Mount("/realms/bmt", application(mint(ISSUER, KEY)))]),
            host="0.0.0.0",  # noqa: S104 - of the container, which publishes it on loopback alone
            port=int(os.environ["KC_HTTP_PORT"]),
            log_level="warning",
            access_log=False,
        )
