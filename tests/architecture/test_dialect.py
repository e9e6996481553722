"""Names are the field's own words: a reader who knows event sourcing has none to learn for this house alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("bmt", "services", "web", "evaluation", "prove")

STANDARD = {
    # What arrives from a topic, and what becomes of it.
    "Heard": "IncomingEvent",
    "heard": "incoming",
    "hear": "handle, consume",
    "hears": "subscribes",
    "Handling": "EventOutcome",
    "handed_over": "delivered",
    # A decision and its stream.
    "weigh": "assemble_submission",
    "Weigh": "AssembleSubmission",
    "Committing": "CommitFactory",
    "committing": "CommitFactory",
    "Standing": "StreamState (of a stream), AccountStatus (of an account)",
    "Standings": "StreamStates",
    "standings": "stream_states",
    # The composition root and the HTTP side.
    "Foundation": "ServiceBuilder",
    "foundation": "builder",
    "Edge": "RequestMiddleware (HTTP), Frontier (of a Merkle tree)",
    "PageEdge": "CsrfMiddleware",
    "page_edge": "csrf_middleware",
    "HeadLimit": "HeaderLimit",
    "head_limit": "header_limit",
    "CrowdLimit": "ConcurrencyLimit",
    "CrowdLimits": "ConcurrencyLimits",
    "crowd_limit": "concurrency_limit",
    "crowd": "concurrency",
    "Recent": "LruCache",
    # What a person asks for, and what is sent to them.
    "Wish": "RequestedService",
    "wish": "requested",
    "wishes": "requested",
    "Slip": "OutgoingNotice",
    "slip": "notice",
    "slips": "notices",
    "Practice": "NotificationPolicy",
    "practice": "policy",
    "practice_of": "policy_of",
    # The console as a client of the other services.
    "Errand": "VisitorClient",
    "errand": "client",
    "errands": "clients",
    "Neighbours": "ServiceClients",
    "neighbours": "clients",
    "Pulse": "ChangeSignal",
    "pulse": "signal",
    "Remark": "CommentForm",
    # What is written, answered, or called back.
    "Said": "Published",
    "said_at": "at, published_at",
    "until_said": "until_published",
    "say": "publish, print, report",
    "Tell": "Notify",
    "told_ready": "on_ready",
    "codes_told": "code_sentences",
    "last_heard": "last_received",
    "heard_at": "received_at",
    "Asking": "AuditorClient",
    "besides": "other_than",
    "remark": "comment",
    # The pages and their forms.
    "Sent": "SubmittedForm",
    "Told": "FieldFault",
    "all_told": "field_faults",
    "Kept": "StoredSession",
    "KeptText": "UnsentForm",
    "kept_text": "unsent_form",
    "found_wrong": "recheck",
    "came": "files",
    "who_else": "viewers",
    # Looking things up.
    "Looks": "PlanReader",
    "Doubts": "DirectoryInvalidation",
    "ReadingRoom": "AuditedQueries",
    "reading_room": "audited_queries",
    # Intake and records.
    "laying": "adding to the inbox",
    "setting_aside": "filtering",
    "keys_told": "key_announcement",
    # The proof.
    "Ear": "EventListener",
    "Officers": "AdminClient",
    "Whereabouts": "Endpoints",
    "whereabouts": "endpoints",
    "gathering": "collecting",
    "settling": "draining",
}
"""Identifiers that left the house, each with the term that stands in its place: see docs/glossary.md."""


def names_in(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Each identifier that `tree` writes or reads, with its line."""
    for node in ast.walk(tree):
        for part in ("id", "attr", "arg", "name", "asname", "rest"):
            name = getattr(node, part, None)
            if isinstance(name, str):
                yield from ((word, getattr(node, "lineno", 0)) for word in name.split("."))
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((word, node.lineno) for word in node.module.split("."))


def dialect_in(path: Path) -> list[str]:
    """What `path` says in a word that is no longer used, and the word to use."""
    found = [(path.stem, 0), *names_in(ast.parse(path.read_text()))]
    return [
        f"{path.relative_to(ROOT)}:{line}: `{name}` is {STANDARD[name]} in this house"
        for name, line in found
        if name in STANDARD
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_are_the_standard_terms(folder):
    dialect = [line for path in sorted((ROOT / folder).rglob("*.py")) for line in dialect_in(path)]
    assert not dialect, "\n" + "\n".join(dialect)


def test_no_standard_term_is_itself_refused():
    terms = {word for term in STANDARD.values() for word in term.replace(",", " ").split()}
    assert not terms & set(STANDARD)
