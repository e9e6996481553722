"""The errors of records."""

from bmt.contracts.problems import Refused


class RecordNotFound(Refused):
    """There is no such file, or it is another agency's. The answer is the same."""

    problem = "not_found"


class HoldOfAnother(Refused):
    """Only the holder or an auditor can lift a hold."""

    problem = "forbidden"

    def __init__(self) -> None:
        super().__init__("A hold is lifted by who set it, or by an auditor.")


class DisposalNotFound(Refused):
    """There is none with this id, or it is another agency's."""

    problem = "not_found"


class NotDisposable(Refused):
    """Files must keep the data. `blocked_by` lists them with the reasons."""

    problem = "not_disposable"


class ProposedByThemselves(Refused):
    """The proposer cannot approve the disposal."""

    problem = "own_request"


class DisposalDecided(Refused):
    """It was already approved or rejected."""

    problem = "already_decided"
