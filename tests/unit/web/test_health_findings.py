"""What the operators' page makes of a service's figures."""

import pytest

from web.health.pages import Figures, Finding

QUIET = """
bmt_outbox_oldest_seconds{service="intake"} 59
bmt_parked_events{service="intake"} 0
bmt_connector_breaker_open{connector="scim"} 0
bmt_requests{agency="MAMPU",status="configured"} 7
bmt_checkpoint_age_seconds 30
bmt_mailbox_last_look_seconds{agency="MAMPU"} 60
bmt_views_left_behind_total{service="intake"} 0
"""


def test_nothing_is_found_where_nothing_waits():
    assert Figures(QUIET).findings("intake") == []


@pytest.mark.parametrize(
    ("line", "about", "command"),
    [
        ('bmt_outbox_oldest_seconds{service="intake"} 61', "intake", "bmt status"),
        ('bmt_parked_events{service="intake"} 2', "intake", "bmt parked list --service intake"),
        ('bmt_connector_breaker_open{connector="scim"} 1', "scim", "bmt failures list"),
        (
            'bmt_requests{agency="JPA",status="configuration_failed"} 1',
            "JPA",
            "bmt failures list",
        ),
        ("bmt_checkpoint_age_seconds 901", "intake", "bmt records verify"),
        ('bmt_mailbox_last_look_seconds{agency="KPM"} 901', "KPM", "bmt status"),
        ('bmt_views_left_behind_total{service="intake"} 1', "intake", "bmt views rebuild"),
    ],
)
def test_what_needs_an_operator_is_found_with_its_command(line, about, command):
    name = line.split("{")[0].split(" ")[0]
    others = "\n".join(each for each in QUIET.splitlines() if not each.startswith(name))
    (found,) = Figures(f"{others}\n{line}\n").findings("intake")
    assert found == Finding(found.what, about, command)


def test_figures_of_several_partitions_are_added():
    figures = Figures('lag{partition="0"} 2\nlag{partition="1"} 3\n')
    assert figures.total("lag") == 5
