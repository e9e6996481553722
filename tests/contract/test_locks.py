"""The locks: what is tested is what runs, and pip takes them as well as uv does."""

import re
from importlib import metadata

import pytest
from fixtures.compose import FOLDER, ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TESTED = ROOT / "locks" / "dev.txt"
IN_IMAGES = (ROOT / "locks" / "services.txt", FOLDER / "ipms" / "requirements.txt")
PIN = re.compile(r"^([\w.-]+(?:\[[\w, -]+\])?)==([^\s;]+)", re.MULTILINE)

each_lock = pytest.mark.parametrize("lock", IN_IMAGES, ids=lambda lock: lock.name)


def pins(lock):
    """Package, with its extras where it is pinned with some → version."""
    return dict(PIN.findall(lock.read_text()))


@each_lock
def test_an_image_has_the_versions_that_the_tests_ran_on(lock):
    tested = pins(TESTED)
    differing = {
        name: (version, tested.get(name.partition("[")[0]))
        for name, version in pins(lock).items()
        if tested.get(name.partition("[")[0]) != version
    }
    assert differing == {}


@each_lock
def test_what_a_package_wants_with_extras_is_pinned_with_them_and_without(lock):
    """Before 23.3 pip knows the hashes of `pydantic[email]` by that name alone, and of `pydantic` likewise."""
    pinned = pins(lock)
    wanted = {
        f"{canonicalize_name(requirement.name)}[{','.join(sorted(requirement.extras))}]"
        for package in metadata.distributions()
        if canonicalize_name(package.name) in pinned
        for requirement in map(Requirement, package.requires or ())
        if requirement.extras and (not requirement.marker or requirement.marker.evaluate())
    }
    assert wanted
    assert wanted <= pinned.keys()
    assert {name.partition("[")[0] for name in pinned} <= pinned.keys()


def test_httpx_has_what_it_looks_for_at_every_call():
    """It asks sniffio which event loop runs; where that is missing, it is searched for each time."""
    assert "sniffio" in pins(IN_IMAGES[0])
    assert metadata.version("sniffio") == pins(TESTED)["sniffio"]
