"""I2: versions are 1 to n in every stream, and so is the published `ce_sequence`."""

from collections import defaultdict
from collections.abc import Sequence

from prove.books import Books
from prove.evidence import StoredCommit
from prove.finding import Finding, Tally


def check(books: Books) -> Finding:
    """Every stream as stored, then as published."""
    tally = Tally()
    for (service, stream), commits in books.streams.items():
        subject = stream.partition("-")[2]
        versions = [commit.version for commit in commits]
        tally.require(
            versions == list(range(1, len(commits) + 1)),
            f"{service}: versions of {stream} are {versions}",
            subject,
        )
        stored = [each.sequence for one in commits for each in one.events if each.sequence]
        tally.require(
            stored == list(range(1, len(stored) + 1)),
            f"{service}: stored sequences are {stored}",
            subject,
        )
        tally.require(
            _counted(commits), f"{service}: a commit counts its sequence wrongly", subject
        )
    _as_said(books, tally)
    return tally.finding()


def _counted(commits: Sequence[StoredCommit]) -> bool:
    """A commit's sequence counts all published events so far."""
    so_far = 0
    for commit in commits:
        so_far += sum(1 for each in commit.events if each.sequence)
        if commit.sequence != so_far:
            return False
    return True


def _as_said(books: Books, tally: Tally) -> None:
    """First copies come in order; later copies may come any time."""
    incoming: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for each in books.said:
        ids = incoming[each.service, each.request_id]
        known = ids.setdefault(each.sequence, each.id)
        tally.require(
            known == each.id,
            f"{each.service} said two events under sequence {each.sequence}",
            each.request_id,
        )
    for (service, request_id), ids in incoming.items():
        order = list(ids)
        tally.require(
            order == list(range(1, len(order) + 1)),
            f"{service} said sequences {order}",
            request_id,
        )
