"""The ports of a system on loopback: all follow from one base."""

import asyncio
import contextlib
import fcntl
import random
import socket
import ssl
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import urlsplit

import httpx

from bmt.chassis.errors import WrongConfiguration
from evaluation.supervisor import PartMissing

HOST: Final = "127.0.0.1"
DEFAULT_BASE: Final = 8100
LOWEST_BASE: Final = 1024
HIGHEST_BASE: Final = 65_000
LOOKS: Final = 10
SECONDS_BETWEEN_LOOKS: Final = 0.2
_BEYOND_BASES: Final = 32_000
_BASES_APART: Final = 100
_BEYOND_THE_KERNELS: Final = range(61_000, 62_000)
"""Linux uses 32,768 to 60,999 for outgoing connections, so a free port there may be taken at any time."""
_NOBODY_TRUSTED: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Without TLS on loopback the machine's certificates need not be read, which takes longer than the call."""
_CLAIMED: Final[list[TextIO]] = []
"""Open as long as the process lives."""
_REPLICATED: Final = ("intake", "approval", "provisioning", "notification", "records", "web")
_FIRST_REPLICA: Final = 70
MOST_REPLICAS: Final = 3
OFFSETS: Final = {
    "issuer": 0,
    "intake": 1,
    "approval": 2,
    "provisioning": 3,
    "notification": 4,
    "records": 5,
    "statistics": 6,
    "reconciliation": 7,
    "web": 8,
    "kafka": 20,
    "mongodb": 21,
    "kafka-controller": 22,
    "mail": 25,
    "ipms": 30,
    "storage": 40,
    "kafka-2": 23,
    "kafka-3": 26,
    "kafka-controller-2": 24,
    "kafka-controller-3": 27,
    "mongodb-2": 31,
    "mongodb-3": 32,
    **{
        f"{name} replica {number}": _FIRST_REPLICA + 10 * (number - 1) + place
        for number in range(1, MOST_REPLICAS + 1)
        for place, name in enumerate(_REPLICATED)
    },
}


@dataclass(frozen=True)
class Scale:
    """How many there are of each.

    Attributes:
        replicas: of each service and of the pages, 1 to 3. They share the service's port; each has one of its own, too.
        nodes: of Kafka and of MongoDB, 1 or 3.
    """

    replicas: int = 1
    nodes: int = 1

    def __post_init__(self) -> None:
        """Refuse what nobody runs.

        Raises:
            WrongConfiguration: another number.
        """
        if not 1 <= self.replicas <= MOST_REPLICAS:
            raise WrongConfiguration(f"--replicas {self.replicas}: choose 1, 2 or 3")
        if self.nodes not in (1, 3):
            raise WrongConfiguration(f"--nodes {self.nodes}: choose 1 or 3")

    def needs(self, port: str) -> bool:
        """Whether something listens there."""
        name, _, number = port.rpartition(" ") if " " in port else port.rpartition("-")
        if not number.isdecimal():
            return True
        if name.endswith(" replica"):
            return 1 < self.replicas >= int(number)
        return int(number) <= self.nodes


ONE_OF_EACH: Final = Scale()


def numbered(name: str, number: int) -> str:
    """The first has the name itself, the second `name-2`."""
    return name if number == 1 else f"{name}-{number}"


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

    async def refuse_taken(self, scale: Scale) -> None:
        """Check that all ports it needs are free; a process that is ending gets a moment.

        Raises:
            PartMissing: one is taken.
        """
        for name in filter(scale.needs, OFFSETS):
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
    """Whether nobody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_base(first: int = DEFAULT_BASE, further: Collection[int] = ()) -> int:
    """A base whose ports are all free, and this process's until it ends.

    Concurrent starts do not choose the same one: each claims it by a lock on a file. The search goes upwards from
    `first`; `further` are offsets in addition to `OFFSETS`.

    Raises:
        PartMissing: there is none below the kernel's own ports.
    """
    for base in range(first, _BEYOND_BASES, _BASES_APART):
        if all(is_free(base + offset) for offset in (*OFFSETS.values(), *further)) and _claim(base):
            return base
    raise PartMissing(f"no free ports from {first} to {_BEYOND_BASES}")


def _claim(base: int) -> bool:
    """Whether it was free; the lock ends with the process."""
    file = Path(tempfile.gettempdir()) / f"bmt-ports-{base}.lock"
    with contextlib.ExitStack() as undo:
        try:
            lock = undo.enter_context(file.open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        _CLAIMED.append(lock)
        undo.pop_all()
        return True


def any_free_port() -> int:
    """A free port, this process's until it ends.

    Raises:
        PartMissing: there is none beyond the kernel's own ports.
    """
    for port in random.sample(_BEYOND_THE_KERNELS, len(_BEYOND_THE_KERNELS)):
        if is_free(port) and _claim(port):
            return port
    raise PartMissing(
        f"no free port from {_BEYOND_THE_KERNELS.start} to {_BEYOND_THE_KERNELS.stop}"
    )


async def answers(url: str, auth: tuple[str, str] | None = None) -> bool:
    """Whether a GET of this address on loopback, which names its port, succeeds.

    Until a server listens, it is tried twenty times a second: a client would cost ten times a connection.
    """
    if not await listening(urlsplit(url).port or 0):
        return False
    async with httpx.AsyncClient(auth=auth, trust_env=False, verify=_NOBODY_TRUSTED) as client:
        try:
            return (await client.get(url)).is_success
        except httpx.TransportError:
            return False


async def listening(port: int) -> bool:
    """Whether connections are accepted there."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
