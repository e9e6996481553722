"""What an officer is told to set in the portal, and what the officer's statement counts for."""

from fixtures.alone import Alone
from orders import completed

from bmt.contracts.events import EffectiveIpms
from services.provisioning.connectors.targets import Worklist, instructions

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


async def test_what_an_officer_states_is_confirmed_and_not_read_back():
    on = EffectiveIpms(bmt_enabled=True, max_file_size_bytes=2_500_000_000)
    statement = completed()

    said = await Alone(Worklist(on, statement)).read_back(ACCOUNT)
    unsaid = await Alone(Worklist(on, None)).read_back(ACCOUNT)

    assert said.read_back_at is None
    assert (said.confirmed_by, said.confirmed_at) == (
        statement.completed_by,
        statement.completed_at,
    )
    assert (said.effective, said.documents) == (on, statement.evidence)
    assert (unsaid.effective, unsaid.read_back_at, unsaid.confirmed_by) == (None, None, None)
