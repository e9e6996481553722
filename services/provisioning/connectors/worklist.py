"""IPMS by people: the portal has no interface, so an officer sets it and hands in what shows it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from bmt.contracts.events import EffectiveIpms, PlannedChange
from services.provisioning.connectors.connector import Answers, OperatorNeeded, Reading
from services.provisioning.domain.events import TaskCompleted
from services.provisioning.domain.goal import changes

NAME: Final = "worklist"

_TURN_ON: Final = """\
1. Log masuk ke IPMS Admin Portal dan cari akaun {account}.
2. Hidupkan perkhidmatan Big Mail Transfer (BMT).
3. Tetapkan saiz fail terbesar kepada {size} bait ({gigabytes} GB) dan simpan.
4. Muat naik tangkapan skrin tetapan itu sebagai bukti dan lengkapkan tugasan ini.

1. Sign in to the IPMS Admin Portal and find the account {account}.
2. Turn the service Big Mail Transfer (BMT) on.
3. Set the largest file to {size} bytes ({gigabytes} GB) and save.
4. Upload a screenshot of the setting as evidence and complete this task."""

_TURN_OFF: Final = """\
1. Log masuk ke IPMS Admin Portal dan cari akaun {account}.
2. Matikan perkhidmatan Big Mail Transfer (BMT) dan simpan.
3. Muat naik tangkapan skrin tetapan itu sebagai bukti dan lengkapkan tugasan ini.

1. Sign in to the IPMS Admin Portal and find the account {account}.
2. Turn the service Big Mail Transfer (BMT) off and save.
3. Upload a screenshot of the setting as evidence and complete this task."""


class Worklist:
    """Says what an officer must set; once one states that it is done, that is what counts.

    Nobody but people can look into the portal. So nothing is read back: the reading is the officer's
    statement, at the time of the completion, with the documents that show it.
    """

    name = NAME

    def __init__(self, wanted: EffectiveIpms, statement: TaskCompleted | None) -> None:
        """For one request: `statement` is that what the instructions said, `wanted`, was set."""
        self._wanted = wanted
        self._statement = statement

    async def plan(self, wanted: Mapping[str, EffectiveIpms]) -> Answers[Sequence[PlannedChange]]:
        """As `Connector.plan`: before an officer looked, every setting that has a value is one to change."""
        shown = self._reading.effective
        return {
            account: [one for one in changes("ipms", shown, goal) if one.to is not None]
            for account, goal in wanted.items()
        }

    async def apply(self, wanted: Mapping[str, EffectiveIpms]) -> Answers[None]:
        """As `Connector.apply`; done where an officer stated it, else an officer is needed."""
        shown = self._reading.effective
        return {
            account: None if shown == goal else needed(account, goal)
            for account, goal in wanted.items()
        }

    async def read_back(self, accounts: Collection[str]) -> Answers[Reading[EffectiveIpms]]:
        """As `Connector.read_back`: what the officer states."""
        return dict.fromkeys(accounts, self._reading)

    @property
    def _reading(self) -> Reading[EffectiveIpms]:
        said = self._statement
        if said is None:
            return Reading(None, None)
        return Reading(self._wanted, None, said.evidence, said.completed_by, said.completed_at)


def needed(account: str, wanted: EffectiveIpms) -> OperatorNeeded:
    """What an officer is asked to do."""
    return OperatorNeeded("ipms", instructions(account, wanted))


def instructions(account: str, wanted: EffectiveIpms) -> str:
    """Exactly what to set in the portal, in Malay, then in English."""
    if not wanted.bmt_enabled:
        return _TURN_OFF.format(account=account)
    size = wanted.max_file_size_bytes or 0
    return _TURN_ON.format(account=account, size=size, gigabytes=f"{size / 10**9:g}")
