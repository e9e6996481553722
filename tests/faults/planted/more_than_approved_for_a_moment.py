"""IPMS is first set to twice the largest file, then to what was approved: in the end all looks well."""

from services.provisioning.connectors.scim import Scim

SERVICE = "provisioning"
FOUND_BY = ("I4",)


def plant() -> None:
    apply = Scim.apply

    async def too_much_first(self, account, wanted):
        largest = wanted.max_file_size_bytes
        if largest is not None:
            much = wanted.model_copy(update={"max_file_size_bytes": 2 * largest})
            await apply(self, account, much)
        await apply(self, account, wanted)

    Scim.apply = too_much_first
