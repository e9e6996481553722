"""A service that dies between any two effects, and is started again, loses nothing and does nothing twice."""

from collections import Counter

import pytest
from fixtures.thoroughness import LONG
from points_in_source import find, where_to_die

pytestmark = [pytest.mark.faults, pytest.mark.integration]

POINTS = find()
DEADLY = where_to_die(POINTS, everywhere=LONG)
"""In the short form every fortieth point: it is about the way there; the long form visits all of them."""
SERVICES = ("intake", "approval", "provisioning", "notification", "records")


def test_each_point_has_one_name_which_is_written_out():
    assert [point for point in POINTS if point.name is None] == []
    counts = Counter(point.name for point in POINTS)
    assert [name for name, count in counts.items() if count > 1] == []


def test_a_point_is_named_after_the_module_where_it_is():
    assert [point for point in POINTS if not point.name.startswith(f"{point.prefix}.")] == []


@pytest.mark.parametrize("point", [point.name for point in DEADLY])
async def test_who_dies_here_loses_nothing_and_does_nothing_twice(production, times, point):
    wrong = production.wrong.get(point)
    assert not wrong, "\n".join(wrong)
    assert production.visits[point] >= times, "never visited as often as it should be"


@pytest.mark.parametrize("service", SERVICES)
async def test_without_a_death_all_is_well_and_views_are_what_they_would_be_anew(
    production, service
):
    wrong = production.wrong.get(service)
    assert not wrong, "\n".join(wrong)
