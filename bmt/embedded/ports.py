"""Where everything listens: all ports follow from one base, on loopback."""

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import Final

from bmt.embedded.errors import PartMissing, WrongConfiguration

HOST: Final = "127.0.0.1"
DEFAULT_BASE: Final = 8100
LOWEST_BASE: Final = 1024
HIGHEST_BASE: Final = 65_000
LOOKS: Final = 10
SECONDS_BETWEEN_LOOKS: Final = 0.2
OFFSETS: Final = {
    "issuer": 0,
    "intake": 1,
    "approval": 2,
    "provisioning": 3,
    "notification": 4,
    "records": 5,
    "statistics": 6,
    "reconciliation": 7,
    "kafka": 20,
    "mongodb": 21,
    "kafka-controller": 22,
    "mail": 25,
    "ipms": 30,
    "storage": 40,
}


@dataclass(frozen=True)
class Ports:
    """The ports of one system."""

    base: int = DEFAULT_BASE

    def __post_init__(self) -> None:
        """Refuse a base that leaves no room.

        Raises:
            WrongConfiguration: it is a privileged one or too near the end.
        """
        if not LOWEST_BASE <= self.base <= HIGHEST_BASE:
            raise WrongConfiguration(
                f"--port-base {self.base}: choose one from {LOWEST_BASE} to {HIGHEST_BASE}"
            )

    def __getitem__(self, name: str) -> int:
        return self.base + OFFSETS[name]

    def url(self, name: str) -> str:
        """The address of an HTTP service."""
        return f"http://{HOST}:{self[name]}"

    async def refuse_taken(self) -> None:
        """See that nobody else listens on any of them; what is just ending gets a moment for it.

        Raises:
            PartMissing: somebody does.
        """
        for name in OFFSETS:
            for _ in range(LOOKS):
                if is_free(self[name]):
                    break
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            else:
                raise PartMissing(
                    f"port {self[name]} (for {name}) is in use: stop what listens there, or choose "
                    f"other ports with --port-base"
                )


def is_free(port: int) -> bool:
    """Whether one could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def listening(port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
