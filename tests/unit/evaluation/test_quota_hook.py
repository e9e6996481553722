"""The storage's quota hook weighs what is there and what is to come."""

import pytest

from evaluation.storage_hooks import quota

VOLUME = "[/siti]\n  data/siti\n  flags:\n    sz: 0b-9000b\n    vmaxb: 1000b\n"


@pytest.fixture
def volume(tmp_path, monkeypatch):
    """The storage folder with a volume of 1000 bytes that holds 600."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "siti" / "inner"
    folder.mkdir(parents=True)
    (tmp_path / "volumes").mkdir()
    (tmp_path / "volumes" / "siti.conf").write_text(VOLUME)
    (folder / "old").write_bytes(b"x" * 600)
    return folder


def admits(path, size, source):
    return quota.main({"ap": str(path), "sz": size, "src": source})["rc"] == 0


@pytest.mark.parametrize(
    ("source", "size", "admitted"),
    [
        ("xbu.http.dump", 400, True),
        ("xbu.http.dump", 401, False),
        ("xbu.http.dump", -1, True),
        ("xbc", 401, False),
        ("xau.http.dump", 600, True),
    ],
)
def test_a_new_file_fits_or_does_not(volume, source, size, admitted):
    assert admits(volume / "new", size, source) == admitted


def test_what_is_overwritten_makes_room(volume):
    assert admits(volume / "old", 1000, "xbu.http.dump")


def test_a_finished_upload_counts_as_it_lies_there(volume):
    (volume / "new").write_bytes(b"x" * 401)

    assert not admits(volume / "new", 401, "xau.http.dump")
