"""Why notification says no, each named for what went wrong."""

from bmt.contracts.problems import Refused


class UnknownRequest(Refused):
    """There is none, or it is none of the caller's: which of the two is not told."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("There is no request of this id for you.")


class UnknownNotice(Refused):
    """There is none, or it is none of the caller's: which of the two is not told."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("There is no notification of this id for you.")


class NotPreparedYet(Refused):
    """It is about to be composed: asking again in a moment is right."""

    problem = "not_found"
    code = "not_prepared_yet"


class NotOnPaper(Refused):
    """An e-mail is sent, not handed over."""

    problem = "not_for_this_notice"
    code = "not_on_paper"


class NotByEmail(Refused):
    """A paper is not sent again: it is printed again."""

    problem = "not_for_this_notice"
    code = "not_by_email"


class AlreadyHandedOver(Refused):
    """A paper is handed over once."""

    problem = "not_for_this_notice"
    code = "handed_over_before"
