"""`bmt records verify`: the live record, where the environment or a data directory says it is."""

import pytest

pytestmark = pytest.mark.integration


async def test_a_record_that_is_as_it_was_written_is_valid(bmt):
    answer = await bmt("records", "verify", "--json")

    assert answer.code == 0
    assert answer.json["valid"]
    assert answer.json["faults"] == []


async def test_a_leaf_that_is_not_what_was_written_is_told(bmt, databases):
    leaf = {"_id": "event", "request_id": "r", "index": 1, "hash": "0" * 64}
    await databases("records")["leaves"].insert_one(leaf)

    answer = await bmt("records", "verify", "--json")

    assert answer.code == 1
    assert {fault["request_id"] for fault in answer.json["faults"]} == {"r"}


async def test_the_live_record_is_held_against_the_keys_that_are_named(bmt):
    unusable = await bmt("records", "verify", "--key", "none")

    assert (unusable.code, "cannot be used" in unusable.err) == (2, True)


async def test_a_bundle_that_is_none_is_told_with_the_code_of_what_is_not_so(bmt, tmp_path):
    nothing = tmp_path / "bundle.zip"
    nothing.write_bytes(b"PK\3\4 and nothing more")

    answer = await bmt("records", "verify", str(nothing), "--data", str(tmp_path), "--json")
    away = await bmt("records", "verify", str(tmp_path / "nowhere.zip"))

    assert answer.code == 1
    assert answer.json["findings"][0]["wrong"] == "archive_malformed"
    assert away.code == 2


async def test_a_system_that_is_not_there_has_nothing_to_export(bmt, tmp_path):
    answer = await bmt("records", "export", "x", "--data", str(tmp_path))
    half = await bmt("records", "export", "x", BMT_RECORDS_URL="http://127.0.0.1:1")

    assert (answer.code, half.code) == (3, 2)
    assert "BMT_TOKEN" in half.err
