"""What every view makes of every recorded stream is stored as its model has it, and no fold changes what it is given."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
from folds import checked
from test_replays import REPLAYS, heard_of

import services
from services.approval.rules import SHARED, VERSIONS
from services.approval.views import REVIEWS
from services.intake.views import HOLDERS, INBOX, REQUESTS, SUBMISSIONS, UPLOADS
from services.notification.views import NOTICES, TEMPLATES
from services.provisioning import views as provisioning
from services.records.views import DISPOSALS, FILES

VIEWS = {
    "intake/requests": REQUESTS,
    "intake/inbox": INBOX,
    "intake/uploads": UPLOADS,
    "intake/holders": HOLDERS,
    "intake/submissions": SUBMISSIONS,
    "approval/reviews": REVIEWS,
    "approval/agency_rules": VERSIONS,
    "approval/rules_in_force": SHARED,
    "provisioning/configurations": provisioning.CONFIGURATIONS,
    "provisioning/reviews": provisioning.REVIEWS,
    "provisioning/entitlements": provisioning.ENTITLEMENTS,
    "provisioning/tasks": provisioning.TASKS,
    "provisioning/drift": provisioning.DRIFT,
    "provisioning/confirmations": provisioning.CONFIRMATIONS,
    "notification/told": NOTICES,
    "notification/templates": TEMPLATES,
    "records/files": FILES,
    "records/disposals": DISPOSALS,
}
"""Each by its service and its collection."""

OTHERS = {"intake/requests", "provisioning/reviews"}
"""Views that other services' events fill."""


def documents(name, view):
    """What the recorded streams make of a view, by stream and key."""
    made = {}
    for replay in REPLAYS:
        if name in OTHERS or replay.parent.name == name.partition("/")[0]:
            for incoming in heard_of(replay):
                if (key := view.key(incoming)) is not None:
                    made[replay, key] = view.fold(made.get((replay, key)), incoming)
    return {place: document for place, document in made.items() if document is not None}


def test_every_view_is_here():
    root = Path(services.__path__[0])
    there = sum(path.read_text(encoding="utf-8").count(" = View(") for path in root.rglob("*.py"))
    assert there == len(VIEWS)


@pytest.mark.parametrize("name", VIEWS)
def test_a_document_is_what_its_model_would_store(name):
    assert documents(name, checked(VIEWS[name]))


def _forgets(document, incoming):
    after = REQUESTS.fold(document, incoming)
    return {name: value for name, value in after.items() if name != "notices"}


def _keeps_a_tuple(document, incoming):
    after = REQUESTS.fold(document, incoming)
    return {**after, "steps": tuple(after["steps"])}


def _changes(document, incoming):
    after = REQUESTS.fold(document, incoming)
    if document is not None:
        document["steps"].append(after["steps"][-1])
    return after


@pytest.mark.parametrize("fold", [_forgets, _keeps_a_tuple, _changes])
def test_a_fold_that_breaks_its_promise_is_found(fold):
    with pytest.raises(AssertionError):
        documents("intake/requests", checked(replace(REQUESTS, fold=fold)))


@pytest.mark.parametrize("name", VIEWS)
def test_what_was_made_before_is_not_changed_by_what_comes_later(name):
    """A document shares with the one after it what is the same in both."""
    view, kept = VIEWS[name], []

    def fold(document, incoming):
        after = view.fold(document, incoming)
        kept.append((after, deepcopy(after)))
        return after

    documents(name, replace(view, fold=fold))
    assert all(made == then for made, then in kept)
