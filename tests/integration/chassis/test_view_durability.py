"""A view that cannot be made again is written as safely as a decision."""

import pytest
from eventually import eventually

from bmt.chassis.readmodels.view_store import MongoViewStore, ViewDocument

pytestmark = pytest.mark.integration


async def test_what_is_to_be_durable_waits_for_a_majority_and_its_journal(database):
    views = MongoViewStore(database)
    await database.command("profile", 2)
    await views.save("parcels", [ViewDocument("own", {}, {"parcel-1": 1}, 1)])
    await views.save("parcels", [ViewDocument("heard", {}, {"/other/1": 1}, 1)], durable=True)

    async def concerns() -> None:
        found = database["system.profile"].find({"ns": f"{database.name}.parcels", "op": "insert"})
        asked = [entry["command"]["writeConcern"] for entry in await found.to_list(None)]
        assert [(concern["w"], concern["j"]) for concern in asked] == [
            (1, False),
            ("majority", True),
        ]

    await eventually(concerns)
