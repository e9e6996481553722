"""IPMS is first set to twice the largest file, then to what was approved: in the end all looks well."""

from services.provisioning.connectors.scim import Scim

SERVICE = "provisioning"
FOUND_BY = ("I4",)


def plant() -> None:
    apply = Scim.apply

    async def too_much_first(self, desired):
        await apply(self, {account: _twice(goal) for account, goal in desired.items()})
        return await apply(self, desired)

    Scim.apply = too_much_first


def _twice(goal):
    largest = goal.max_file_size_bytes
    return goal.model_copy(update={"max_file_size_bytes": largest and 2 * largest})
