"""The errors of notification."""

from collections.abc import Sequence

from bmt.contracts.problems import FieldError, Refused


class UnknownRequest(Refused):
    """There is no such request, or it is not for this caller. The answer is the same."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("There is no request of this id for you.")


class UnknownNotice(Refused):
    """There is no such notice, or it is not for this caller. The answer is the same."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("There is no notification of this id for you.")


class NotPreparedYet(Refused):
    """The notice is about to be composed; the caller may retry in a moment."""

    problem = "not_found"
    code = "not_prepared_yet"


class NotOnPaper(Refused):
    """An e-mail cannot be handed over."""

    problem = "not_for_this_notice"
    code = "not_on_paper"


class NotByEmail(Refused):
    """A paper cannot be sent again. It is printed again."""

    problem = "not_for_this_notice"
    code = "not_by_email"


class AlreadyHandedOver(Refused):
    """A paper is handed over once."""

    problem = "not_for_this_notice"
    code = "handed_over_before"


class NothingFailed(Refused):
    """No configuration failed, or the notice of the outcome is under way."""

    problem = "request_closed"
    code = "nothing_failed"


class UnknownTemplate(Refused):
    """There is no such notice or version, or no such agency."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("Your agency has no such template.")


class TemplateWrong(Refused):
    """These words cannot be used. `errors` contains every fault."""

    problem = "validation_failed"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(" ".join(fault.detail for fault in errors), errors=tuple(errors))


class SavedMeanwhile(Refused):
    """The version in force is not the one that the caller had read."""

    problem = "template_changed"

    def __init__(self, version: int) -> None:
        super().__init__(
            f"Version {version} is in force now: read it, and save again.",
            extra={"version": version},
        )
