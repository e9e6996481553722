"""IPMS is set as soon as a request stands on the worklist: if it is rejected, nobody takes it away."""

from bmt.chassis.messaging.dispatch import Dispatcher
from bmt.contracts.events import EffectiveIpms
from services.provisioning.connectors.scim import Scim

SERVICE = "provisioning"
FOUND_BY = ("I4",)

_scim = []


def plant() -> None:
    begin, handle = Scim.__init__, Dispatcher.handle

    def remembered(self, *ports):
        begin(self, *ports)
        _scim.append(self)

    async def eager(self, records):
        for record in records:
            incoming = self._read(record).incoming
            if incoming is not None and type(incoming.data).__name__ == "ReviewOpened":
                await _give(incoming.data.request)
        await handle(self, records)

    Scim.__init__, Dispatcher.handle = remembered, eager


async def _give(request) -> None:
    if request.kind == "application" and _scim:
        wanted = EffectiveIpms(bmt_enabled=True, max_file_size_bytes=request.max_file_size_bytes)
        await _scim[0].apply({request.applicant.account: wanted})
