"""The client charter's page: its tables and drawings say what the figures say."""

from datetime import timedelta

import pytest
from console_pages import AGENCIES, Services, shown
from unit.records.charters import BY_NOON, DAY, decided, figures, undecided, whole

from bmt.agencies.charter import day_of
from bmt.chassis.http.bodies import csv_file
from bmt.chassis.runtime.clock import now
from bmt.contracts.http.records import Returns
from web.figures import _csv_rows, ages, columns, returns, shares, tables, times
from web.layout import ROOM, Languages

LANGUAGE = Languages([ROOM / "locale"])._by_code


def made():
    return figures(whole(), decided(BY_NOON), undecided(), now=BY_NOON + 30 * DAY)


def test_each_table_and_bar_shows_the_overdue_apart_from_the_kept():
    english = LANGUAGE["en"]
    by_name = {one.name: one for one in tables(made(), english)}
    decision, *_ = by_name["steps"].rows
    assert decision[:5] == ("Decision", 66.6, 2, 0, 1)
    assert [part.look for part in shares(made(), english)[0].parts] == ["kept", "overdue"]
    assert shares(made(), english)[0].value == "66.6 % (2 / 3)"
    assert sum(row[-1] for row in by_name["open"].rows) == 2
    assert [part.look for bar in ages(made(), english) for part in bar.parts] == ["overdue"]
    assert {"returns", "agencies"}.isdisjoint(by_name)


def version(number, in_force_from, **days):
    """One of the rules of MAMPU, with these promises."""
    rules = AGENCIES.get("MAMPU").rules.model_dump(mode="json", by_alias=True)
    nobody = dict.fromkeys(("changed_by", "changed_on", "why"))
    return {
        "agency": "MAMPU",
        "number": number,
        "policy_version": f"MAMPU-{number}",
        "rules": {**rules, "charter_working_days": {**rules["charter_working_days"], **days}},
        **nobody,
        "recorded_at": "2026-11-01T00:00:00Z",
        "in_force_from": in_force_from,
    }


async def test_the_page_opens_with_this_month_and_says_what_is_promised_by_the_rules_in_force():
    versions = [version(2, "2999-01-01", decide=9), version(1, None, decide=4)]
    services = Services(
        {"agencies/MAMPU/rules": versions},
        otherwise=lambda call: made() if call.url.host == "records" else None,
    )
    text = await shown(services, "/figures/", lang="en")
    assert "decision <strong>4 working days</strong> · configuration <strong>1 working day" in text
    assert "choose “Last month”" in text
    (asked, *_) = [call.url.params for call in services.calls if call.url.host == "records"]
    assert asked["from"] == f"{day_of(now()):%Y-%m}-01"
    period = {"from": "2026-11-01", "to": "2026-11-30"}
    assert "choose “Last month”" not in await shown(services, "/figures/", **period, lang="en")


def test_a_month_in_which_nothing_was_due_has_no_column():
    (november,) = columns(figures(undecided()), LANGUAGE["ms"])["months"]
    assert [one.height for one in november.columns] == [None] * 3


def test_each_channel_has_columns_as_months_have():
    drawn = columns(made(), LANGUAGE["ms"])
    assert [one.label for one in drawn["channels"]] == ["Borang"]
    assert drawn["channels"][0].columns[0].height == pytest.approx(106.56)


def test_a_step_is_drawn_by_its_median_and_what_is_beyond():
    decision, *_ = times(made(), LANGUAGE["en"])
    assert decision.value.startswith("2 hours · p90 ")
    assert sum(part.width for part in decision.parts) <= 100
    assert times(figures(undecided()), LANGUAGE["en"]) == []


def test_a_long_reason_is_shortened_where_it_is_drawn_and_no_officers_own_words_are():
    reason = "Sila lampirkan memo kelulusan ketua jabatan dan borang yang lengkap."
    told = made().model_copy(
        update={
            "returns": (
                Returns(reason=reason, returns=4),
                Returns(reason=None, returns=2),
            )
        }
    )
    first, second = returns(told, LANGUAGE["ms"])
    assert (first.label, first.parts[0].width) == ("Sila lampirkan memo kelulusan …", 100)
    assert (second.label, second.parts[0].width) == ("Ditulis sendiri oleh pegawai", 50)


def test_a_file_has_numbers_where_the_page_has_words_and_no_formula():
    steps, *_ = tables(made(), LANGUAGE["en"])
    head, decision, *_ = _csv_rows(steps, LANGUAGE["en"])
    assert (head[6], decision[6]) == ("Median (working hours)", 2.0)
    assert b"'=1+1,2" in csv_file("x", [("=1+1", 2)]).body


@pytest.mark.parametrize(
    ("time", "malay", "english"),
    [
        (timedelta(minutes=1), "1 minit", "1 minute"),
        (timedelta(minutes=59, seconds=40), "1 jam", "1 hour"),
        (timedelta(hours=8, minutes=45), "1 hari", "1 day"),
        (timedelta(hours=20), "2 hari 2 jam", "2 days 2 hours"),
    ],
)
def test_office_hours_are_told_in_working_days_of_nine_hours(time, malay, english):
    assert (LANGUAGE["ms"].worked(time), LANGUAGE["en"].worked(time)) == (malay, english)
