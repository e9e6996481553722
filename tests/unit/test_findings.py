"""What the operators' page and `bmt status` make of the processes' figures."""

from datetime import UTC, datetime, timedelta

import pytest

from bmt.findings import SENTENCE, System
from web.health import wording

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
QUIET = """
bmt_build_info{version="0.1.0"} 1
bmt_outbox_oldest_seconds{service="intake"} 59
bmt_parked_events{service="intake"} 0
bmt_consumer_stalled_seconds{service="intake"} 1
bmt_requests{agency="MAMPU",status="configured"} 7
bmt_checkpoint_age_seconds 30
bmt_mailbox_last_look_seconds{agency="MAMPU"} 60
bmt_views_left_behind_total{service="intake"} 0
bmt_part_up{part="kafka"} 1
bmt_part_changed_timestamp_seconds{part="kafka"} 1000
"""


def seconds(ago):
    return (NOW - timedelta(seconds=ago)).timestamp()


def part(name, up, ago):
    return (
        f'bmt_part_up{{part="{name}"}} {up}\n'
        f'bmt_part_changed_timestamp_seconds{{part="{name}"}} {seconds(ago)}\n'
    )


def test_nothing_is_found_where_nothing_waits():
    assert System({"intake": QUIET, "web": QUIET}, NOW).findings() == []


@pytest.mark.parametrize(
    ("line", "code", "about", "command"),
    [
        ('bmt_outbox_oldest_seconds{service="intake"} 61', "outbox_late", "intake", "bmt doctor"),
        (
            'bmt_consumer_stalled_seconds{service="intake"} 121',
            "consumer_stalled",
            "intake",
            "bmt doctor",
        ),
        (
            'bmt_parked_events{service="intake"} 2',
            "events_parked",
            "intake",
            "bmt parked list --service intake",
        ),
        (
            'bmt_dead_letters_open{service="intake"} 1',
            "letters_open",
            "intake",
            "bmt dead-letters list",
        ),
        (
            'bmt_requests{agency="JPA",status="configuration_failed"} 1',
            "configurations_failed",
            "JPA",
            "bmt failures list --agency JPA",
        ),
        ('bmt_drift_held_back{target="ipms"} 37', "drift_held_back", "ipms", "bmt doctor"),
        ("bmt_checkpoint_age_seconds 901", "checkpoint_old", "records", "bmt records verify"),
        ('bmt_mailbox_last_look_seconds{agency="KPM"} 901', "mailbox_old", "KPM", "bmt doctor"),
        (
            'bmt_views_left_behind_total{service="intake"} 1',
            "views_left_behind",
            "intake",
            "bmt views rebuild intake",
        ),
        (
            'bmt_build_info{version="0.2.0"} 1',
            "versions_differ",
            "0.1.0, 0.2.0",
            "bmt status",
        ),
    ],
)
def test_what_needs_an_operator_is_found_with_its_command(line, code, about, command):
    name = line.split("{")[0].split(" ")[0]
    others = "\n".join(each for each in QUIET.splitlines() if not each.startswith(name))
    (found,) = System({"intake": f"{others}\n{line}\n", "web": QUIET}, NOW).findings()
    assert (found.code, found.about, found.command) == (code, about, command)


def test_a_process_that_is_away_is_known_by_who_watched_it_since_when():
    system = System({"intake": None, "web": part("intake", 0, 300)}, NOW)
    (found,) = system.findings()
    assert (found.code, found.about) == ("process_away", "intake")
    assert found.since == NOW - timedelta(minutes=5)
    assert system.parts == []


def test_a_part_is_away_for_all_that_miss_it_since_the_first_did():
    away = part("kafka", 0, 60), part("kafka", 0, 90), part("kafka", 1, 999)
    names = ("intake", "approval", "records")
    system = System(dict(zip(names, away, strict=True)), NOW)
    (kafka,) = system.parts
    assert (kafka.missed_by, kafka.since) == (("intake", "approval"), NOW - timedelta(seconds=90))
    (found,) = system.findings()
    assert (found.code, found.about) == ("part_away", "intake, approval → kafka")


def test_a_part_that_was_missed_once_is_looked_for_again_before_anybody_is_called():
    assert System({"intake": part("kafka", 0, 5)}, NOW).findings() == []


def test_an_outside_system_for_which_work_waits_is_told_apart():
    (found,) = System({"provisioning": part("storage", 0, 120)}, NOW).findings()
    assert (found.code, found.command) == ("target_away", "bmt failures waiting")
    assert (found.about, found.since) == ("provisioning → storage", NOW - timedelta(minutes=2))


def test_every_finding_has_its_words_in_both_languages():
    assert set(wording.FINDING) == set(SENTENCE)
