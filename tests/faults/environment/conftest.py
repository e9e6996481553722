"""One system for all faults of the environment: each test takes a part away, and brings it back."""

from collections.abc import AsyncIterator

import pytest
from fixtures.outside import Caller
from site_under_faults import Site


@pytest.fixture(scope="package")
async def site(tmp_path_factory) -> AsyncIterator[Site]:
    async with Site(tmp_path_factory.mktemp("site")).running() as site:
        yield site


@pytest.fixture
def aminah(site: Site) -> Caller:
    """An administrator of MAMPU."""
    return site.caller("administrator")
