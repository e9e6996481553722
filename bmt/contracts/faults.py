"""What can be wrong, each under a code that keeps its meaning for ever: the one table of codes, with their English.

A code names what is wrong with a field, why a call is refused, or why something waits for a person. The pages
have the same codes in Malay (`bmt/wording/locale/ms.po`). No sentence has a pointer, a pattern or a name of the
API in it: people read them who fill in forms. The places in a sentence are filled with the fault's values,
which say what is allowed and never repeat what was sent.
"""

from collections.abc import Callable, Mapping
from typing import Final

from pydantic_core import PydanticCustomError

FaultValue = str | int | tuple[str, ...]
Values = Mapping[str, FaultValue]
"""By the places in a code's sentence; a place that ends in `_bytes` holds a size."""

Show = Callable[[str, FaultValue], str]
"""How the value of a place is written for a reader."""

GENERAL: Final = "invalid"
"""The code of what has none of its own; and what a reader is told of a code that is not known here."""

OF_FIELDS: Final[Mapping[str, str]] = {
    GENERAL: "This value is not allowed.",
    "required": "This is needed.",
    "unknown_field": "There is no such field.",
    "not_an_object": "A JSON object is needed.",
    "not_a_list": "A list is needed.",
    "not_json": "This cannot be read as JSON: {why}.",
    "not_text": "Text is needed.",
    "not_a_number": "A number is needed.",
    "not_a_whole_number": "A whole number is needed.",
    "not_true_or_false": "Either true or false is needed.",
    "not_a_day": "A day is needed, for example 2026-11-28.",
    "not_a_time": "A time with its zone is needed, for example 2026-11-28T09:00:00+08:00.",
    "not_one_of": "One of these is needed: {allowed}.",
    "kind_needed": "The field {field} is needed to tell what this is.",
    "too_long": "At most {maximum} characters are allowed.",
    "too_short": "At least {minimum} characters are needed.",
    "too_many_items": "At most {maximum} are allowed.",
    "too_few_items": "At least {minimum} are needed.",
    "above_maximum": "At most {maximum} is allowed.",
    "below_minimum": "At least {minimum} is needed.",
    "size_above_maximum": "At most {maximum_bytes} can be granted.",
    "not_a_name": "A person's name is needed, no address and no number.",
    "not_gigabytes": "A number of GB is needed, for example 2 or 2.5.",
    "year_out_of_reach": "A year from {first} to {last} is needed.",
    "time_out_of_reach": "A time between the years 1 and 9999 is needed.",
    "wrong_form": "It does not have the form that is needed.",
    "not_an_email_address": "An e-mail address is needed, for example name@agency.gov.my.",
    "not_an_account": "An account is needed: letters, digits and . _ @ + -, beginning with a letter or a digit, and not ending with a full stop.",
    "not_an_agency_code": "The code of an agency is needed, in capitals, for example MAMPU.",
    "not_a_request_id": "The id of a request is needed.",
    "not_a_document_id": "The id of a document is needed.",
    "not_a_hash": "A SHA-256 hash is needed, in lower-case hex.",
    "blank": "More than blanks is needed.",
    "control_characters": "Control characters are not allowed.",
    "control_characters_but_lines": "Control characters are not allowed; line breaks and tabs are.",
    "invisible_characters": "Characters that cannot be seen, or that turn the direction of writing, are not allowed in names.",
    "emoji": "Emoji are not allowed in names: {character}.",
    "not_drawn": "No font of letters and forms has this character: {character}.",
    "web_address": "Web addresses are not allowed in names.",
    "more_faults": "{count} more fields are wrong.",
    "not_visible_ascii": "1 to {maximum} visible ASCII characters are needed.",
    "not_utf_8": "Text in UTF-8 is needed.",
    "columns_missing": "The heading lacks these columns: {columns}.",
    "too_many_lines": "At most {maximum} lines are allowed.",
    "not_a_cursor": "The place of the next page of this list is needed.",
    "unknown_agency": "One of these agencies is needed: {agencies}.",
    "channel_in_not_allowed": "The agency receives requests through {channels}.",
    "channel_out_not_allowed": "The agency answers through {channels}.",
    "no_paper": "The agency receives requests through {channels}, and none on paper.",
    "account_of_other_agency": "The account belongs to another agency: only that agency may ask for it.",
    "email_not_vouched_for": "The address of your sign-in or of the directory is needed; an administrator of your agency can name another.",
    "document_unknown": "There is no such document of yours: hand it in first.",
    "not_to_be_corrected": "A correction cannot change this: withdraw the request, and hand in a new one.",
    "named_twice": "Each request may be named once.",
    "of_approval_alone": "Only an approval takes this.",
    "reason_for_applicant": "Give the reason: the applicant is told it.",
    "reason_for_inbox": "Give the reason: it is kept with the item.",
    "exception_reason_needed": "Give the reason why this is approved in spite of its warnings.",
    "not_appointed": "You are not appointed to act for anybody today: leave this out.",
    "appointed_for_others": "You may act today for those who appointed you: {names}.",
    "termination_grants_nothing": "A termination grants nothing.",
    "not_a_form": "A form is needed.",
    "too_many_files": "A form with at most {maximum} files is needed.",
    "choose_one": "Choose one.",
    "choose_requests": "Choose at least one request.",
    "choose_papers": "Choose at least one paper.",
    "choose_file": "Choose a file.",
    "filename_wrong": "A file's name of 1 to 200 visible characters is needed.",
    "kind_not_taken": "Documents of these kinds alone are taken in: {kinds}.",
    "not_what_it_says": "What is in it is not of the kind that it says: {kind}.",
    "nothing_in_it": "There is nothing in it.",
    "attachment_kind_not_taken": "{name}: this kind of document is not taken in.",
    "attachment_not_what_it_says": "{name}: what is in it is not of the kind that it says.",
    "attachment_too_large": "{name}: at most {maximum_bytes} are taken in.",
    "attachment_empty": "{name}: there is nothing in it.",
    "attachment_name_wrong": "{name}: a file's name of 1 to 200 visible characters is needed.",
    "attachment_lost": "A document that was attached before cannot be found: attach it again.",
    "too_many_documents": "At most {maximum} documents are allowed: take {many} out.",
    "correction_reason_needed": "Say why: it is kept on record with the correction.",
    "not_claimed": "Nobody has claimed this task: claim it.",
    "not_by_hand": "Only IPMS can be set by hand, and it is not what failed.",
    "stray_brace": "The {brace} at character {position} belongs to no variable: write the variable's name between braces, or the brace twice.",
    "unknown_variable": "The variable at character {position} is none of this notice's, which are {variables}.",
    "variable_not_here": "The variable {variable} may be left out: it can stand in the further paragraphs alone.",
    "variables_missing": "The user must read these somewhere: {variables}.",
    "time_or_version": "Give a time or a version, not both.",
    "day_passed": "Today or a later day is needed.",
    "day_too_far": "A day within {maximum} days is needed.",
    "nothing_changes": "These are the rules that are in force: nothing would change.",
    "own_appointment": "Nobody appoints themselves: another manager, or the operators, must.",
    "usual_above_maximum": "The usual quota (default) must not be above the maximum.",
    "until_before_from": "The last day must not be before the first.",
    "appointed_twice": "Entries {first} and {second} overlap: an officer acts for the same office once at a time.",
    "more_than_signed": "At most {maximum} leaves are signed.",
    "from_after_to": "The first must not be larger than the second.",
    "period_too_long": "A report holds at most {maximum} requests: ask for a shorter time.",
    "scan_broken": "The scan is broken, or too large to be read: scan it again.",
    "scan_image_broken": "The image is broken: scan it again.",
    "scan_image_unknown": "The image is broken, or written in a way that cannot be read: scan it again, as PDF, or as TIFF, JPEG or PNG in black and white, grey or RGB.",
    "scan_page_colours": "Page {page} is in colours that cannot be shown ({colours}): scan it in grey or RGB.",
    "scan_locked": "The PDF is locked with a password: save it without one.",
    "scan_without_page": "The PDF has no page.",
    "scan_too_many_pages": "There are more than {maximum} pages: scan fewer at a time.",
    "scan_page_too_fine": "Page {page} has more than {maximum} pixels: scan it with 300 dpi.",
    "scan_page_too_large": "Page {page} is larger than A0.",
    "scan_covers_alone": "There are cover sheets alone: scan the papers behind them.",
    "scan_too_slow": "The scan takes too long to read: scan fewer pages at a time.",
}
"""What is wrong with a field, or with a file."""

OF_ATTACHMENT: Final[Mapping[str, str]] = {
    "kind_not_taken": "attachment_kind_not_taken",
    "not_what_it_says": "attachment_not_what_it_says",
    "nothing_in_it": "attachment_empty",
    "filename_wrong": "attachment_name_wrong",
}
"""What is told of one of several files of a form, by what its upload is refused with."""

OF_MESSAGES: Final[Mapping[str, str]] = {
    "line_missing": "There is no line {label}.",
    "line_twice": "{label} stands there twice, and differs.",
    "line_not_understood": "What stands behind {label} is not understood.",
    "no_form": "There is no form in the message: none of the lines Jenis, Agensi, Nama, Akaun, E-mel and Justifikasi.",
    "form_quoted": "The form stands only in what the message quotes or forwards: nobody filled it in here.",
    "form_attached": "There is no form in the message itself: look at the message that is attached to it.",
    "form_may_be_attached": "There is no form in the text of the message. It may be in what is attached, which a person must read.",
    "several_forms": "There is more than one form in the message: register each by itself.",
    "html_too_complex": "The HTML of the message is too complex to be read by a machine: read the original.",
    "html_too_long": "The HTML of the message is too long to be read by a machine: read the original.",
    "text_too_long": "A text of the message is too long to be read by a machine: read the original.",
    "encrypted": "The message is encrypted: open it with its recipient's key, and ask for it unencrypted.",
    "signed_unopened": "The message is signed in a form that could not be opened: read the original.",
    "line_differs": "{label} is not the same in the text and in the HTML of the message.",
    "line_goes_on": "What stands below or beside {label} may belong to it.",
    "line_uncertain": "{label} has characters that could not be read for certain.",
    "line_contradicted": "Beside its form, the message says something else than what stands behind {label}.",
    "names_a_request": "The message names the reference of an earlier request: it may be that request's correction, and no new one.",
    "size_elsewhere": "The message seems to ask for a size that does not stand behind {label}.",
    "words_beside_form": "Beside its form, the message says something that must be read first: it may withdraw or replace a request, ask a question, or only show an example.",
    "lines_unclear": "These are missing, not clear, or not allowed: {labels}.",
    "message_unreadable": "The message could not be read.",
    "too_many_attachments": "There are more attachments than can be kept one by one.",
    "message_too_large": "It is too large: nothing but its header was read.",
    "message_too_slow": "It takes too long to be read by a machine: it waits, whole, for a person.",
    "message_begun_twice": "The system ended twice while it was being read: it waits, whole, for a person.",
    "not_stored_apart": "What stands in it could not be stored apart from it.",
    "for_other_agency": "It is another agency's: forward it there.",
    "code_of_other_agency": "The paper's code is of {other}. It was scanned by {agency}: the code is not believed.",
    "mail_report": "It is a report of a mail system.",
    "mail_delay": "A mail system warns of a delay: nothing failed yet.",
    "machine_sent": "A machine sent it.",
    "wants_no_answer": "It wants no answer: its sender is empty.",
    "not_personal": "It was not written to this mailbox alone.",
    "mailing_list": "It came by a mailing list.",
    "absence": "It is an answer while somebody is away.",
    "own_notice": "It is a notice of this system that came back.",
}
"""Why a message or a scanned paper waits for a person, or why nobody needs to read it."""

OF_TARGETS: Final[Mapping[str, str]] = {
    "target_refused": "It refuses this.",
    "target_refused_with": "It refuses this with {status}, and says: {said}",
    "not_registered_there": "Nobody is registered in IPMS with this account. Check how it is spelled; if that is right, have it registered there first.",
    "several_accounts": "It answers with more than one account for this name.",
    "counts_otherwise": "It shows another number of accounts than it counts.",
    "another_account": "It answers with another account than the one asked for.",
    "account_without_id": "It gives the account no id, so the account cannot be changed.",
    "account_unreadable": "It shows the account in a form that cannot be read.",
    "not_a_volume": "The account's name cannot be that of a volume.",
    "volume_refused": "It refuses the volume's configuration.",
    "another_volume": "It answers for another volume.",
    "not_set_up": "The connector that the order names is not set up here. Set it up again, then retry.",
}
"""Why a target, IPMS or the transfer storage, refuses what is asked of it."""

OF_MAIL: Final[Mapping[str, str]] = {
    "mail_no_such_address": "The mail server does not know the address, or takes no mail for it.",
    "mail_box_closed": "The mailbox is full or closed.",
    "mail_too_large": "The mail server takes no message of this size.",
    "mail_not_allowed": "The mail server's rules do not let it through.",
    "mail_put_off": "The mail server put it off for days, until it was given up.",
    "mail_refused": "The mail server refuses it.",
}
"""Why a mail server refused a message."""

OF_CALLS: Final[Mapping[str, str]] = {
    "unauthenticated": "Sign in again. If that does not help, ask the system's administrator.",
    "forbidden": "You are not allowed to do this.",
    "own_request": "This request is your own: another administrator must see to it.",
    "another_person_needed": "Another person must approve this.",
    "not_found": "There is no such thing, or it is another agency's.",
    "method_not_allowed": "This cannot be done here.",
    "idempotency_key_missing": "The form has no name: open it again.",
    "idempotency_key_reused": "This form was sent before, with something else in it. See what came of it.",
    "request_timeout": "It took too long to arrive: try again.",
    "already_decided": "This request was decided before, and the decision stands.",
    "already_assigned": "A colleague took this first.",
    "request_closed": "This request is closed: nothing can be changed about it now.",
    "not_for_this_notice": "This cannot be done with this notice.",
    "not_disposable": "Files must keep this data for now.",
    "template_changed": "Somebody saved this template meanwhile: load it again to see it.",
    "rules_changed": "Somebody changed these rules meanwhile: look at them, and change them again.",
    "validation_failed": "Something must be corrected.",
    "not_waiting": "This does not wait for an operator any more.",
    "channel_not_allowed": "The agency does not use this channel.",
    "quota_exceeds_maximum": "The quota is above the agency's maximum.",
    "warnings_need_reason": "This request has warnings: give the reason why it is approved in spite of them.",
    "too_large": "It is larger than is allowed.",
    "unsupported_media_type": "This kind of file is not taken in.",
    "too_many_requests": "There are too many requests: wait a moment, and try again.",
    "headers_too_large": "The address is too long.",
    "internal": "Something unforeseen happened, and is on record. Try again in a moment.",
    "unavailable": "A part of the system cannot be reached. Nothing is lost: try again in a moment.",
    "of_another_site": "Nothing was done. Open this page yourself, and send the form from there.",
    "too_many_open": "You have {maximum} open requests: withdraw one, or wait until one is done.",
    "too_many_of_one": "There are too many requests of one person or for one address: try again later.",
    "withdrawn_before_decision": "This request was withdrawn before it was decided.",
    "past_withdrawal": "This request was withdrawn before, or is past its decision.",
    "being_withdrawn": "This request is being withdrawn.",
    "corrected_meanwhile": "This request was corrected a moment ago: look at it, and correct it again.",
    "not_returned": "Nobody returned this request: say why it is corrected.",
    "inbox_item_registered": "This was registered as a request before.",
    "inbox_item_dismissed": "This was dismissed before.",
    "approved_before": "{given} of {needed} approvals are given, one of them by you or by whom you act for: another administrator must give the next.",
    "registrar_may_not_approve": "You handed this request in, and at your agency another administrator must approve it.",
    "approver_may_not_configure": "You approved this request, and at your agency another officer must configure it.",
    "claimed_by_another": "Another officer has claimed this task.",
    "task_finished": "This task was completed before: nothing is left to do.",
    "nothing_to_retry": "This request is configured: there is nothing to retry.",
    "retry_cannot_help": "Trying again cannot help: a new request is needed.",
    "no_drift": "Nothing differs from what was configured.",
    "no_confirmation": "Your agency is not asked about this grant: nothing is to be confirmed.",
    "confirmation_answered": "Somebody has answered before: see `decision`.",
    "overtaken": "A request for the same account that was approved later is under way or configured. Retrying this one would undo it.",
    "change_waits": "A change waits for its day: withdraw it first, or wait until it is in force.",
    "no_change_waits": "No change waits for its day: it is in force, or was withdrawn.",
    "not_prepared_yet": "The message is being prepared: ask again in a moment.",
    "not_on_paper": "This is an e-mail: it is sent, and nobody hands it over.",
    "not_by_email": "This is a paper: print its document once more instead.",
    "discarded_before": "This event was discarded before.",
    "being_tried": "This event is being tried at this moment: look again in a minute.",
    "letter_settled": "This was retried or discarded before.",
    "letter_not_kept": "The event is not kept here: its writer must publish it again.",
    "handed_over_before": "This paper was handed over before.",
    "nothing_failed": "No configuration of this request has failed, or its outcome is being told: there is nothing to tell in between.",
}
"""Why a call is refused: a problem's name, or more exactly what lies behind one."""

SENTENCES: Final[Mapping[str, str]] = {
    **OF_FIELDS,
    **OF_MESSAGES,
    **OF_TARGETS,
    **OF_MAIL,
    **OF_CALLS,
}
"""All of them, by code."""


def sentence(
    code: str,
    values: Values | None = None,
    *,
    sentences: Mapping[str, str] = SENTENCES,
    show: Show | None = None,
) -> str:
    """What a code says, with its values; a code or a value that is not known leaves the general sentence."""
    write = show or _plain
    shown = {name: write(name, value) for name, value in (values or {}).items()}
    try:
        return sentences[code].format_map(shown)
    except (KeyError, IndexError, ValueError):
        return sentences[GENERAL]


def wrong(code: str, **values: FaultValue) -> PydanticCustomError:
    """What a validator raises: the fault's type is its code."""
    return PydanticCustomError(code, sentence(code, values), dict(values))


def _plain(place: str, value: FaultValue) -> str:
    """As the API's `detail` has it."""
    if isinstance(value, int | str):
        return f"{value} bytes" if place.endswith("_bytes") else str(value)
    return ", ".join(value)
