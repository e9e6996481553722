"""What records refuses."""

from bmt.contracts.problems import Refused


class RecordNotFound(Refused):
    """There is no such file, or it is another agency's: the answer is the same."""

    problem = "not_found"
