"""Ways to press a bug's footprint into sound evidence: another evidence, the first one untouched."""

from collections.abc import Callable
from dataclasses import replace

from prove.books import Books, Published, short
from prove.evidence import Answers, Call, Evidence, Mail, Record, StoredCommit

Is = Callable[[StoredCommit], bool]


def holds(name: str, service: str = "") -> Is:
    """A commit that holds an event of this name."""
    return lambda commit: (
        (not service or commit.service == service)
        and any(short(event.type) == name for event in commit.events)
    )


def first(evidence: Evidence, is_it: Is) -> StoredCommit:
    return next(commit for commit in evidence.commits if is_it(commit))


def without_commit(evidence: Evidence, gone: StoredCommit) -> Evidence:
    """Never written, so that later versions take its place."""
    left = []
    for commit in evidence.commits:
        later = (commit.service, commit.stream) == (gone.service, gone.stream)
        if commit is gone:
            continue
        if later and commit.version > gone.version:
            moved = replace(commit, version=commit.version - 1)
            left.append(moved)
        else:
            left.append(commit)
    return replace(evidence, commits=tuple(left))


def with_commit(evidence: Evidence, old: StoredCommit, new: StoredCommit) -> Evidence:
    commits = (new if commit is old else commit for commit in evidence.commits)
    return replace(evidence, commits=tuple(commits))


def and_commit(evidence: Evidence, new: StoredCommit) -> Evidence:
    return replace(evidence, commits=(*evidence.commits, new))


def saying(evidence: Evidence, name: str) -> Published:
    """The first event of this name."""
    return next(each for each in Books(evidence).published if each.name == name)


def without_record(evidence: Evidence, record: Record) -> Evidence:
    return replace(evidence, records=tuple(r for r in evidence.records if r is not record))


def with_record(evidence: Evidence, old: Record, new: Record) -> Evidence:
    return replace(evidence, records=tuple(new if r is old else r for r in evidence.records))


def and_record(evidence: Evidence, record: Record) -> Evidence:
    return replace(evidence, records=(*evidence.records, record))


def headed(record: Record, **changes: str) -> Record:
    """With other headers."""
    kept = tuple((name, raw) for name, raw in record.headers if name not in changes)
    return replace(
        record, headers=(*kept, *((name, text.encode()) for name, text in changes.items()))
    )


def answering(evidence: Evidence, request_id: str, **changes: object) -> Evidence:
    answers: dict[str, Answers] = dict(evidence.answers)
    answers[request_id] = replace(answers[request_id], **changes)
    return replace(evidence, answers=answers)


def and_call(evidence: Evidence, call: Call) -> Evidence:
    return replace(evidence, calls=(*evidence.calls, call))


def called(evidence: Evidence, action: str, status: int) -> Call:
    """The first call with this answer."""
    return next(c for c in evidence.calls if (c.action, c.status) == (action, status))


def with_call(evidence: Evidence, old: Call, new: Call) -> Evidence:
    return replace(evidence, calls=tuple(new if c is old else c for c in evidence.calls))


def and_mail(evidence: Evidence, mail: Mail) -> Evidence:
    return replace(evidence, mails=(*evidence.mails, mail))
