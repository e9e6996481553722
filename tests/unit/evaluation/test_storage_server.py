"""What is told to copyparty for speed changes none of its answers."""

import sqlite3
from contextlib import closing

import pytest
from copyparty import authsrv, up2k

from evaluation import storage_server


def quiet(*_: object) -> None:
    """A log that nobody reads."""


def unchanged(line: str) -> str:
    """No variables."""
    return line


def test_a_configuration_of_many_files_is_read_as_copyparty_reads_it(tmp_path, monkeypatch):
    volumes = tmp_path / "volumes"
    volumes.mkdir()
    for name in ("ani", "siti"):
        (volumes / f"{name}.conf").write_text(f"[accounts]\n  {name}: secret\n")
    main = tmp_path / "main.conf"
    main.write_text("[global]\n  e2d\n% volumes/\n\n[accounts]\n  admin: secret\n")
    theirs: list[str] = []
    ours: list[str] = []
    authsrv.expand_config_file(quiet, unchanged, theirs, str(main), "")
    monkeypatch.setattr(authsrv, "expand_config_file", storage_server.expand)
    storage_server.expand(quiet, unchanged, ours, str(main), "")
    assert ours == theirs
    assert [line for line in ours if line.strip() == "siti: secret"]


class Mapped:
    """Stands for copyparty's volumes: says which it was asked to map, and for whom."""

    def __init__(self) -> None:
        self.idp_vols: dict[str, str] = {}

    class args:  # noqa: N801  as copyparty calls it
        grp_all = "acct"

    def _map_volume(self, source, destination, *_):
        return source, destination

    def log(self, *_):
        """Nobody reads it."""


USERS = {name: ["", "acct"] for name in ("ani", "siti")}


def mapped(do, source, destination):
    return do(Mapped(), source, destination, {}, {}, {}, USERS)


def test_a_volume_is_mapped_as_copyparty_maps_it():
    theirs = mapped(storage_server._map_volume, "data/ani", "ani")
    assert mapped(storage_server.map_volume, "data/ani", "ani") == theirs
    assert theirs == [("data/ani", "ani", "", "")]


def test_one_with_a_placeholder_is_still_mapped_for_each_user():
    theirs = mapped(storage_server._map_volume, "data/${u}", "${u}")
    assert mapped(storage_server.map_volume, "data/${u}", "${u}") == theirs
    assert [volume[2] for volume in theirs] == ["ani", "siti"]


class Indexing(up2k.Up2k):
    """As much of copyparty as makes an index."""

    def __init__(self) -> None:
        self.no_expr_idx, self.timeout = False, 1

    def log(self, *_):
        """Nobody reads it."""


@pytest.mark.parametrize("opened", [False, True], ids=["by name", "opened before"])
def test_an_index_is_made_as_copyparty_makes_it(tmp_path, opened):
    def made(create, name):
        file, maker = str(tmp_path / name), Indexing()
        create(maker, file, maker._orz(file) if opened else None).connection.close()
        with closing(sqlite3.connect(file)) as index:
            return list(index.iterdump())

    theirs = made(storage_server._create_index, "theirs.db")
    assert made(storage_server.create_index, "ours.db") == theirs
    assert [line for line in theirs if "INSERT INTO" in line and "sver" in line]
