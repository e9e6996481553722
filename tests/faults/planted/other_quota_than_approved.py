"""Twice the quota is set, and what was approved is read back."""

from services.provisioning.connectors.copyparty import Copyparty

SERVICE = "provisioning"
FOUND_BY = ("I4",)

_meant = {}


def plant() -> None:
    apply, read_back = Copyparty.apply, Copyparty.read_back

    async def doubled(self, account, wanted):
        _meant[account] = wanted
        quota = wanted.quota_bytes and 2 * wanted.quota_bytes
        await apply(self, account, wanted.model_copy(update={"quota_bytes": quota}))

    async def hoped(self, account):
        reading = await read_back(self, account)
        return type(reading)(_meant.get(account, reading.effective), reading.read_back_at)

    Copyparty.apply, Copyparty.read_back = doubled, hoped
