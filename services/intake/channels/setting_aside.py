"""Which messages of a mailbox nobody needs to read."""

from collections.abc import Callable

from services.intake.channels.mail import OpenedMail


def why_set_aside(opened: OpenedMail, is_ours: Callable[[str], bool]) -> str | None:
    """Why nobody needs to read it, as a code of `bmt.contracts.faults`; None: somebody must.

    A filled request that a machine passed on (a list, a web form) is read by a person; a notice of
    ours that came back never is, whatever stands in it.
    """
    message = opened.message
    if message.message_id is not None and is_ours(message.message_id):
        return "own_notice"
    if message.automatic and not opened.form.filled:
        return message.automatic
    return None
