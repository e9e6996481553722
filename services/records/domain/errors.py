"""What records refuses."""

from bmt.contracts.problems import Refused


class RecordNotFound(Refused):
    """There is no such file, or it is another agency's: the answer is the same."""

    problem = "not_found"


class HoldOfAnother(Refused):
    """Who did not set a hold, and is no auditor, does not lift it."""

    problem = "forbidden"

    def __init__(self) -> None:
        super().__init__("A hold is lifted by who set it, or by an auditor.")
