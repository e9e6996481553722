"""The quota is added to what there is (`+=`), and what was meant is read back."""

from services.provisioning.connectors.copyparty import Copyparty

SERVICE = "provisioning"
FOUND_BY = ("I4",)

_meant = {}


def plant() -> None:
    apply, read_back = Copyparty.apply, Copyparty.read_back

    async def added(self, account, wanted):
        before = (await read_back(self, account)).effective.quota_bytes or 0
        _meant[account] = wanted
        total = before + wanted.quota_bytes if wanted.quota_bytes else None
        await apply(self, account, wanted.model_copy(update={"quota_bytes": total}))

    async def hoped(self, account):
        reading = await read_back(self, account)
        meant = _meant.get(account, reading.effective)
        return type(reading)(meant, reading.read_back_at)

    Copyparty.apply, Copyparty.read_back = added, hoped
