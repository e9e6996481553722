"""I5: every e-mail notice arrives at least once, always with the same Message-ID; there is one outcome.

The mailbox may hold a message twice (a crash between sending and noting it), but with the same bytes, and none
that no notice explains.
"""

from collections import Counter, defaultdict

from bmt.contracts.progress import OUTCOMES
from prove.books import Books
from prove.evidence import Mail
from prove.finding import Finding, Tally
from prove.published import Said

_NOTICES = ("NotificationPrepared", "Notified", "NotificationFailed")


def check(books: Books) -> Finding:
    """Every notice, every message, every request."""
    tally = Tally()
    mails: dict[str, list[Mail]] = defaultdict(list)
    for mail in books.evidence.mails:
        mails[mail.message_id or ""].append(mail)
    notices = _notices(books)
    explained = set()
    for (request_id, notice), events in notices.items():
        ids = {each.data.get("message_id") for each in events}
        explained |= ids
        what = f"notice {notice} ({events[0].data.get('about')})"
        tally.require(len(ids) == 1, f"{what} has {len(ids)} Message-IDs", request_id)
        notified = [each for each in events if each.name == "Notified"]
        tally.require(len(notified) <= 1, f"{what}: Notified {len(notified)} times", request_id)
        for each in notified:
            if each.data.get("channel") == "email":
                _arrived(each, mails, tally)
    for message_id, copies in mails.items():
        tally.require(message_id in explained, f"no notice explains the mail {message_id}")
        digests = {mail.digest for mail in copies}
        tally.require(len(digests) == 1, f"two mails differ under {message_id}")
    _acknowledgement_and_outcome(books, tally)
    return tally.finding()


def _notices(books: Books) -> dict[tuple[str, str], list[Said]]:
    found: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for each in books.events.values():
        if each.name in _NOTICES:
            found[each.request_id, str(each.data.get("notification_id"))].append(each)
    return found


def _arrived(notified: Said, mails: dict[str, list[Mail]], tally: Tally) -> None:
    message_id = str(notified.data.get("message_id"))
    copies = mails.get(message_id, [])
    tally.require(bool(copies), f"Notified, and no mail {message_id}", notified.request_id)
    recipient = notified.data.get("recipient")
    tally.require(
        all(recipient in mail.recipients for mail in copies),
        f"the mail {message_id} went to somebody else",
        notified.request_id,
    )


def _acknowledgement_and_outcome(books: Books, tally: Tally) -> None:
    for request_id, events in books.by_request.items():
        told = Counter(str(each.data.get("about")) for each in events if each.name == "Notified")
        ended = any(each.name == "Filed" for each in events)
        prepared = {
            (each.data.get("about"), each.data.get("notification_id"))
            for each in events
            if each.name == "NotificationPrepared"
        }
        abouts = Counter(str(about) for about, _ in prepared)
        for what, among in (
            ("acknowledgements", {"acknowledgement"}),
            ("outcomes", OUTCOMES | {"approved"}),
        ):
            notified = sum(told[about] for about in among)
            composed = sum(abouts[about] for about in among)
            tally.require(
                notified <= 1 and composed <= 1,
                f"{composed} {what} composed, {notified} told",
                request_id,
            )
            if ended:
                tally.require(notified == 1, f"filed after {notified} {what}", request_id)
