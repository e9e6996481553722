"""The volume files of the transfer storage: exact sizes, whole files, and no account that is not one."""

import pytest

from bmt.contracts.events import EffectiveStorage
from services.provisioning.connectors.volume_files import SAFE, VolumeFiles, volume_text

SITI = "siti.mampu@mygovuc.gov.my"
OPEN = EffectiveStorage(enabled=True, quota_bytes=10_000_000_000, max_file_size_bytes=2_000_000_000)
CLOSED = EffectiveStorage(enabled=False, quota_bytes=None, max_file_size_bytes=None)


@pytest.fixture
def files(tmp_path):
    return VolumeFiles(tmp_path)


def largest(files):
    return files.look([SITI])[SITI].largest_file_bytes


def owner(files, account):
    return files.look([account])[account].owner


def test_an_open_volume_says_its_sizes_in_bytes():
    assert volume_text("siti", "secret", "admin", OPEN) == (
        "[accounts]\n  siti: secret\n\n[/siti]\n  data/siti\n  accs:\n    rwmd: siti\n"
        "    ra: admin\n  flags:\n    daw\n    sz: 0b-2000000000b\n    vmaxb: 10000000000b\n"
    )


def test_a_closed_volume_knows_its_owner_alone():
    assert volume_text("siti", "secret", "admin", CLOSED) == "[accounts]\n  siti: secret\n"


def test_the_largest_file_is_read_from_an_open_volume_only(files):
    assert largest(files) is None
    files.replace({SITI: volume_text(SITI, "secret", "admin", OPEN)})
    assert largest(files) == 2_000_000_000
    files.replace({SITI: volume_text(SITI, "secret", "admin", CLOSED)})
    assert largest(files) is None


def test_what_was_replaced_is_marked_until_it_is_in_force(files, tmp_path):
    assert files.replace({SITI: "first"}) == {SITI: None}
    assert files.replace({SITI: "second"}) == {SITI: "first"}
    assert files.owes_reload(SITI)

    files.in_force([SITI])

    assert not VolumeFiles(tmp_path).owes_reload(SITI)
    assert [file.name for file in tmp_path.iterdir()] == [f"{SITI}.conf"]
    assert (tmp_path / f"{SITI}.conf").stat().st_mode & 0o007 == 0


def test_a_volume_is_found_whatever_the_case(files):
    assert owner(files, "SITI.mampu@mygovuc.gov.my") == "SITI.mampu@mygovuc.gov.my"
    files.replace({SITI: "there"})
    assert owner(files, "SITI.mampu@mygovuc.gov.my") == SITI
    assert owner(files, "siti") == "siti"


def test_many_volumes_are_replaced_and_put_back_together(files):
    files.replace({"kamal": "before"})
    former = files.replace({SITI: "new", "kamal": "after"})
    assert former == {SITI: None, "kamal": "before"}
    files.replace(former)
    assert {name: files.read(name) for name in former} == former
    assert all(one.owes_reload for one in files.look(former).values())


def test_one_process_at_a_time_replaces_files(files, tmp_path):
    other = VolumeFiles(tmp_path)
    mine = files.lock()
    assert mine is not None
    assert other.lock() is None
    files.unlock(mine)
    theirs = other.lock()
    assert theirs is not None
    other.unlock(theirs)


@pytest.mark.parametrize(
    "account",
    ["", "../x", "a/b", ".hidden", "-dash", "*", "a b", "a,b", "a\nb", "a\n", "#a", "[a]", "${a}"],
)
def test_what_could_be_another_path_or_directive_is_not_safe(account):
    assert not SAFE.fullmatch(account)
