"""Who looks at a request, as MongoDB keeps it."""

from datetime import UTC, datetime, timedelta

from bmt.chassis.http.auth import Principal
from web.console.presence import LASTS, LOOKING, Presence

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def officer(name, agency="MAMPU"):
    return Principal(name.lower(), "", name, agency, frozenset({"administrator"}))


async def test_colleagues_of_the_agency_are_seen_for_half_a_minute_each_once(database):
    time = [NOON]
    presence = Presence(database[LOOKING], lambda: time[0])
    await presence.prepare()
    siti, aminah = officer("Siti"), officer("Aminah")
    for who in (siti, aminah, aminah, officer("Faridah", "JPA")):
        await presence.record_viewer(who, "r1")
    assert await presence.others(siti, "r1") == ["Aminah"]
    assert await presence.others(aminah, "r1") == ["Siti"]
    assert await presence.others(siti, "r2") == []
    time[0] += LASTS - timedelta(seconds=1)
    await presence.record_viewer(siti, "r1")
    time[0] += timedelta(seconds=2)
    assert await presence.others(siti, "r1") == []
    assert await presence.others(aminah, "r1") == ["Siti"]
