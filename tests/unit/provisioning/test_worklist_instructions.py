"""What an officer is told to set in the portal."""

from bmt.contracts.events import EffectiveIpms
from services.provisioning.connectors.worklist import instructions
from services.provisioning.domain.goal import NOTHING_IN_FORCE

ACCOUNT = "lim.jpa@mygovuc.gov.my"


def test_it_says_exactly_what_to_turn_on_in_malay_then_in_english():
    on = EffectiveIpms(bmt_enabled=True, max_file_size_bytes=2_500_000_000)

    malay, english = instructions(ACCOUNT, on).split("\n\n")

    for text in (malay, english):
        assert ACCOUNT in text
        assert "2500000000" in text
        assert "(2.5 GB)" in text
    assert "Hidupkan perkhidmatan" in malay
    assert "Turn the service" in english


def test_it_says_to_turn_off_and_names_no_size():
    malay, english = instructions(ACCOUNT, NOTHING_IN_FORCE.ipms).split("\n\n")

    assert "Matikan perkhidmatan" in malay
    assert "off and save" in english
    assert "GB" not in malay + english
