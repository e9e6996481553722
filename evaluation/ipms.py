"""The substitute for IPMS: a SCIM 2.0 server (RFC 7643, 7644) under `/v2`, run by `ipms_server`.

An account in it is registered, an active one is serving. Our service is the extension
`urn:ietf:params:scim:schemas:extension:bmt:2.0:User`. It starts with the accounts of a YAML file and keeps their
changes in its data directory.
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
        accounts: the YAML file of the accounts that it starts with.
    """

    journal: Path
    port: int
    token: str
    accounts: Path

    @property
    def url(self) -> str:
        """Users are at `{url}/Users`."""
        return f"http://{HOST}:{self.port}/v2"

    def program(self) -> Program:
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
