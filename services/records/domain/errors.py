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
