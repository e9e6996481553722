"""A view never takes in one kind of event."""

from bmt.chassis.readmodels.views import ViewProjection

SERVICE = "intake"
FOUND_BY = ("I9",)


def plant() -> None:
    apply = ViewProjection.apply

    async def forgetful(self, incoming):
        await apply(self, [each for each in incoming if type(each.data).__name__ != "Configured"])

    ViewProjection.apply = forgetful
