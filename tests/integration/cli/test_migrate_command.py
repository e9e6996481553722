"""`bmt migrate`, and what a process says of a database that another version wrote."""

import subprocess
import sys

import pytest

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import mongodb
from bmt.cli.examination import VIEWS, expected_indexes

pytestmark = pytest.mark.integration

LATER = mongodb.SCHEMA_VERSION + 1


async def noted(databases, number):
    await databases("approval").schema.insert_one({"_id": mongodb.SCHEMA_KEPT, "number": number})


async def test_a_dry_run_names_what_is_done_then_and_the_second_time_nothing_is_left(
    bmt, databases
):
    dry = await bmt("migrate", "--dry-run", "--json")
    assert (dry.code, dry.err) == (0, "")
    assert await databases("approval").list_collection_names() == []
    done = await bmt("migrate", "--json")
    assert done.code == 0
    assert done.json == {**dry.json, "dry_run": False}
    for name in VIEWS:
        for collection, wanted in expected_indexes(name).items():
            found = await databases(name)[collection].index_information()
            assert wanted <= {
                tuple((field, int(way)) for field, way in one["key"]) for one in found.values()
            }
    stored = await mongodb.stored_schema(databases("web"))
    assert stored[mongodb.SCHEMA_KEPT]["number"] == mongodb.SCHEMA_VERSION
    again = await bmt("migrate")
    assert (again.code, again.out) == (0, "all is as this version needs it\n")


async def test_it_goes_forward_only(bmt, databases):
    await noted(databases, LATER)
    refused = await bmt("migrate")
    assert refused.code == 1
    assert f"has data of schema {LATER}, and this version of bmt knows" in refused.err
    assert "a database goes forward only" in refused.err
    assert await databases("intake").list_collection_names() == []


async def test_a_process_works_on_its_own_schema_alone(databases):
    database = databases("approval")
    await mongodb.require_schema(database)
    await mongodb.require_schema(database)
    assert (await mongodb.stored_schema(database))[mongodb.SCHEMA_KEPT][
        "number"
    ] == mongodb.SCHEMA_VERSION
    for number, advice in ((LATER, "start the version of bmt that wrote it"), (0, "`bmt migrate`")):
        await database.schema.update_one({"_id": mongodb.SCHEMA_KEPT}, {"$set": {"number": number}})
        with pytest.raises(WrongConfiguration, match=advice):
            await mongodb.require_schema(database)


def test_a_process_that_may_not_work_says_why_in_one_line_and_ends_with_2():
    program = """
import asyncio
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import background
async def task():
    raise WrongConfiguration("bmt_approval is of a later version")
async def main():
    async with background.running([task]):
        await asyncio.Event().wait()
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "bmt_approval is of a later version\n")


async def test_the_charter_of_schema_1_is_measured_from_the_files_once_they_are_made_again(
    bmt, databases
):
    records = databases("records")
    await records.schema.insert_one({"_id": mongodb.SCHEMA_KEPT, "number": 1})
    await records.charter.insert_one({"_id": "request"})

    assert (await bmt("migrate")).code == 0
    assert (await bmt("migrate")).code == 0

    assert "charter" not in await records.list_collection_names()
    (job,) = await records.rebuilding.find().to_list(None)
    assert (job["_id"], job["finished_at"]) == ("files", None)
