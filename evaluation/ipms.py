"""What stands in the place of the portal IPMS: a SCIM 2.0 server (RFC 7643, 7644) under `/v2`.

An account in it is registered, an active one is serving; the service that this project gives and
takes away is the extension `urn:ietf:params:scim:schemas:extension:bmt:2.0:User`. It starts with
the accounts of a YAML file, and keeps what becomes of them in its data directory. The server itself
is `ipms_server`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from evaluation.ports import HOST, answers
from evaluation.supervisor import Program


@dataclass(frozen=True)
class Ipms:
    """One SCIM server.

    Attributes:
        journal: the file that keeps its resources.
        port: on loopback.
        token: the bearer token of its clients.
        accounts: the YAML file of the accounts that it starts with.
    """

    journal: Path
    port: int
    token: str
    accounts: Path

    @property
    def url(self) -> str:
        """Its base address; users are at `{url}/Users`."""
        return f"http://{HOST}:{self.port}/v2"

    def program(self) -> Program:
        """How it is run."""
        return Program(
            name="ipms",
            command=(
                *(sys.executable, "-m", "evaluation.ipms_server"),
                *("--port", str(self.port), "--journal", str(self.journal)),
                *("--accounts", str(self.accounts)),
            ),
            environment={"BMT_IPMS_TOKEN": self.token},
            ready=self._ready,
        )

    async def _ready(self) -> bool:
        return await answers(f"{self.url}/ServiceProviderConfig")
