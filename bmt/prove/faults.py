"""Does the faults of a schedule to a running site, one after the other, and takes each back."""

import asyncio
import signal

import structlog

from bmt.prove.schedule import Fault
from bmt.prove.site import Site

log = structlog.get_logger()


async def do(fault: Fault, site: Site) -> None:
    """From its beginning to its end; what was killed may still be on its way up."""
    if fault.target in site.programs:
        await site.up([fault.target])  # what is down already cannot be struck
    log.info("fault", kind=fault.kind, target=fault.target, seconds=fault.seconds)
    match fault.kind:
        case "kill":
            site.signal(fault.target, signal.SIGKILL)
        case "restart":
            site.signal(fault.target, signal.SIGTERM)
        case "lose":
            await site.lose_kafka()
        case "freeze":
            await _frozen(fault, site)
        case _:
            await _hindered(fault, site)
    await asyncio.sleep(fault.pause)


async def _frozen(fault: Fault, site: Site) -> None:
    site.signal(fault.target, signal.SIGSTOP)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        site.signal(fault.target, signal.SIGCONT)


async def _hindered(fault: Fault, site: Site) -> None:
    wire = site.wires[fault.target]
    {"cut": wire.cut, "stall": wire.stall, "slow": wire.slow}[fault.kind]()
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        wire.mend()
