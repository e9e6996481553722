"""Each deviation from the procedure can be found, and a request without one conforms."""

import csv
import io
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from fixtures.procedure import OFFICER
from fixtures.samples import MONDAY, facts
from fixtures.service import AGENCIES_FILE
from pypdf import PdfReader

from bmt.agencies import register
from bmt.contracts.events import OUTCOMES
from bmt.contracts.http.records import (
    ConformanceLine,
    DecisionTaken,
    MissingDocument,
    Notice,
    RecordState,
)
from services.records.charter.cases import Case, Noted, spans_of
from services.records.conformance import api
from services.records.conformance.api import COLUMNS, paper, written
from services.records.conformance.examination import Code, Period, deviations, report, steps_of

RULES = register.read(AGENCIES_FILE).get("MAMPU").rules
REQUEST = facts()
ACCOUNT = REQUEST.applicant.account
DAY = timedelta(days=1)
AT = MONDAY + timedelta(hours=1)


def state(**changes):
    """A request that went as it should, on one Monday; then what is different."""
    told = {
        **REQUEST.model_dump(exclude={"request_id"}),
        "received_at": MONDAY,
        "status": "filed",
        "due_at": MONDAY + 3 * DAY,
        "decision": decision(),
        "configured_by": OFFICER,
        "configured_at": AT + timedelta(hours=1),
        "notices": (notice(),),
        "filed_at": AT + timedelta(hours=3),
        **changes,
    }
    return RecordState(**told)


def decision(what="approved", at=AT, by=OFFICER, **more):
    return DecisionTaken(decision=what, decided_by=by, decided_at=at, **more)


def notice(about="configured", status="notified", at=AT + timedelta(hours=2)):
    return Notice(about=about, channel="email", recipient="a@b.my", status=status, at=at)


def officer(**changes):
    return OFFICER.model_copy(update=changes)


def spans(told, rules=RULES):
    """The steps of the client charter in this state, due by the agency's rules."""
    happened = [("opened", told.received_at, told.due_at)]
    if told.decision:
        happened.append((told.decision.decision, told.decision.decided_at or AT, None))
    if told.configured_at:
        happened.append(("configured", told.configured_at, None))
    happened += [
        ("notified", one.at, None)
        for one in told.notices
        if one.status == "notified" and one.about in OUTCOMES
    ]
    noted = [
        Noted(what=what, sequence=place, at=at, due_at=due_at, prepared_reason=None)
        for place, (what, at, due_at) in enumerate(happened)
    ]
    facts_told = REQUEST.model_dump(include={"request_id", "agency", "kind", "channel"})
    return spans_of(Case(**facts_told, received_at=told.received_at, noted=tuple(noted)), rules)


def found(told, missing=(), rules=RULES, now=MONDAY + DAY):
    return [one.code for one in deviations(told, spans(told, rules), missing, rules, now)]


def test_a_request_that_went_as_it_should_conforms():
    assert found(state()) == []
    steps = steps_of(state())
    assert None not in (steps.decided_at, steps.configured_at, steps.notified_at, steps.filed_at)


LATER = MONDAY + 9 * DAY
UNTOLD = {"notices": (), "filed_at": None}
LATE = {"configured_at": LATER, "notices": (notice(at=LATER),), "filed_at": LATER}


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (
            "decision_overdue",
            {"status": "received", "decision": None, "configured_at": None, **UNTOLD},
        ),
        ("decision_late", {"decision": decision(at=LATER), **LATE}),
        ("configuration_overdue", {"configured_at": None, "configured_by": None, **UNTOLD}),
        ("configuration_late", LATE),
        ("configuration_failed", {"status": "configuration_failed"}),
        ("notice_overdue", {"notices": (notice(status="prepared"),), "filed_at": None}),
        ("notice_overdue", {"notices": (notice("acknowledgement"),), "filed_at": None}),
        ("notice_late", {"notices": (notice(at=LATER),), "filed_at": LATER}),
        ("out_of_order", {"configured_at": MONDAY + timedelta(minutes=30)}),
        ("not_filed", {"filed_at": None}),
        ("decided_own_request", {"decision": decision(by=officer(subject=ACCOUNT.upper()))}),
        ("decided_without_role", {"decision": decision(by=officer(role="operator"))}),
        ("warnings_not_explained", {"warnings": ("not_registered",)}),
    ],
)
def test_each_deviation_is_named(code, changes):
    assert found(state(**changes), now=MONDAY + 30 * DAY) == [code]


@pytest.mark.parametrize(
    "changes",
    [
        {"warnings": ("not_registered",), "decision": decision(exception_reason="Sah.")},
        {
            "decision": decision("rejected"),
            "configured_at": None,
            "notices": (notice("rejected"),),
        },
        {
            "decision": DecisionTaken(decision="withdrawn"),
            "configured_at": None,
            "configured_by": None,
            "notices": (notice("withdrawn"),),
        },
    ],
    ids=["an exception", "a rejection", "a withdrawal"],
)
def test_what_the_procedure_foresees_is_no_deviation(changes):
    assert found(state(**changes), now=MONDAY + 30 * DAY) == []


def test_who_approved_may_not_configure_where_duties_are_separated():
    apart = RULES.model_copy(
        update={"separation": RULES.separation.model_copy(update={"approver_may_configure": False})}
    )
    assert found(state(), rules=apart) == ["approver_configured"]


def test_each_document_that_is_not_filed_is_a_deviation():
    missing = [MissingDocument(document_id="sha256:0", reason="not_stored")] * 2
    assert found(state(filed_at=None), missing) == ["document_missing"] * 2 + ["not_filed"]


def test_without_the_agencys_rules_no_day_is_missed():
    late = state(configured_at=None, notices=(), filed_at=None)
    assert found(late, rules=None, now=MONDAY + 900 * DAY) == []


def line(number, told, **more):
    facts_told = {"reference": f"MAMPU/2025/{number:06}", "request_id": f"r-{number}"}
    people = {"decision": "approved", "decided_by": "siti", "configured_by": "siti", **more}
    found_now = list(deviations(told, spans(told), (), RULES, MONDAY + 30 * DAY))
    return ConformanceLine(
        **facts_told,
        file_number=f"MAMPU.BMT.600-1/2/{number}",
        kind="application",
        status=told.status,
        folios=2,
        deviations=[asdict(one) for one in found_now],
        **asdict(steps_of(told)),
        **people,
    )


MADE = report(
    Period("MAMPU", MONDAY, MONDAY + 30 * DAY),
    [
        line(1, state()),
        line(2, state(filed_at=None), decided_by="=cmd|' /C calc'!A0"),
        line(3, state(decision=decision(by=officer(role="operator")))),
    ],
    MONDAY + 30 * DAY,
)


def test_the_csv_has_a_row_a_request_and_no_formula():
    assert (MADE.requests, MADE.conforming) == (3, 1)
    assert MADE.by_code == {"decided_without_role": 1, "not_filed": 1}
    rows = list(csv.reader(io.StringIO("".join(written(MADE)))))
    assert rows[0] == list(COLUMNS)
    first, second, _ = (dict(zip(rows[0], row, strict=True)) for row in rows[1:])
    assert (first["conforms"], first["deviations"]) == ("yes", "")
    assert second["deviations"] == "not_filed: the user was told, and the file is not complete"
    assert second["decided_by"] == "'=cmd|' /C calc'!A0"
    assert second["filed_at"] == ""


def test_the_paper_says_the_same_in_malay_and_english():
    pdf = paper(MADE, "Unit Pemodenan Tadbiran")
    reader = PdfReader(io.BytesIO(pdf))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    for said in ("LAPORAN PEMATUHAN", "UNIT PEMODENAN TADBIRAN", "Fail tidak lengkap", "not filed"):
        assert said in text
    assert "MAMPU/2025/000002" in text
    assert "MAMPU/2025/000001" not in text
    assert pdf == paper(MADE, "Unit Pemodenan Tadbiran")


def test_the_paper_knows_a_malay_name_for_every_deviation():
    template = (Path(api.__file__).parent / "templates" / "conformance.typ").read_text()
    for code in get_args(Code):
        assert f"  {code}: [" in template
