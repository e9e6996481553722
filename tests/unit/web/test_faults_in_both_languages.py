"""What is wrong, in the reader's language: every code that the system has, in both, and nothing else."""

import ast
import html
import json
import re
import string
from functools import cache
from pathlib import Path
from typing import get_args

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from pydantic_core import core_schema
from starlette.requests import Request

from bmt.contracts.events import SubmitRequest
from bmt.contracts.faults import GENERAL, OF_ATTACHMENT, OF_FIELDS, SENTENCES, sentence
from bmt.contracts.problems import CODES, STATUS, FieldError, Refused, faults_in_body
from bmt.contracts.values import FORMS
from services.intake.domain.events import Missing
from web.audit.wording import FINDING
from web.error_pages import Refusals
from web.layout import ROOM, Languages, Layout

REPOSITORY = Path(__file__).parents[3]
LANGUAGES = Languages([ROOM / "locale"])

TAKES_A_CODE = {
    "of": 1,
    "wrong": 0,
    "Unreadable": 0,
    "Excess": 0,
    "RequestClosed": 0,
    "unopened": 0,
    "unread": 0,
    "head": 1,
    "_wrong": 0,
    "present": 2,
    "_channel_fault": 1,
}
"""What is called with a code of a fault: the place of the code among its arguments."""

ABOVE_PYTHON = {
    *("no_such_attribute", "needs_python_object", "recursion_loop", "recursion_depth_exceeded"),
    *("frozen_field", "frozen_instance", "invalid_key", "get_attribute_error"),
    *("dataclass_exact_type", "named_tuple_type", "default_factory_not_called", "iteration_error"),
    *("frozen_dict_type", "ordered_dict_type", "counter_type", "deque_type"),
    *("missing_sentinel_error", "ellipsis_error", "is_instance_of", "is_subclass_of"),
    *("callable_type", "arguments_type", "missing_keyword_only_argument", "complex_type"),
    *("unexpected_positional_argument", "missing_positional_only_argument"),
    *("multiple_argument_values", "complex_str_parsing", "set_item_not_hashable"),
    *("fraction_type", "fraction_parsing", "value_error", "assertion_error"),
}
"""Error types of pydantic that no JSON leads to in a model of ours; they have the general code."""

OF_NO_MODEL = {
    *("string_not_ascii", "multiple_of", "date_past", "date_future", "datetime_past"),
    *("datetime_future", "time_delta_type", "time_delta_parsing"),
    *("url_syntax_violation", "url_scheme"),
    *("decimal_max_digits", "decimal_max_places", "decimal_whole_digits"),
}
"""Those of constraints that no model here has; they have the general code."""


def reader(code):
    return LANGUAGES.of(
        Request({"type": "http", "query_string": f"lang={code}".encode(), "headers": []})
    )


def places(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@cache
def trees():
    """Each file's syntax; read when a test asks, since every process collects all tests."""
    return [
        (file.relative_to(REPOSITORY).as_posix(), ast.parse(file.read_text()))
        for room in ("bmt", "services", "web")
        for file in sorted((REPOSITORY / room).rglob("*.py"))
    ]


def called(node):
    return getattr(node.func, "attr", None) or getattr(node.func, "id", None)


def codes_in(tree):
    """What stands where a code belongs in a file, each with the names of its values (None: not told)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name, given = called(node), {one.arg for one in node.keywords}
            place = TAKES_A_CODE.get(name)
            if place is not None and len(node.args) > place:
                yield node.args[place], given if name in ("of", "wrong", "Unreadable") else None
            yield from ((one.value, None) for one in node.keywords if one.arg == "code")
        elif isinstance(node, ast.ClassDef):
            lines = (line for line in node.body if isinstance(line, ast.Assign))
            yield from (
                (line.value, None) for line in lines if ast.unparse(line.targets[0]) == "code"
            )


OPERATORS_ALONE = ("evaluation/", "bmt/cli/", "prove/", "services/intake/imap.py")
"""What is told to whoever runs the system, in English."""


def written():
    """Every code that is written out: its file, the code, the names of its values."""
    return [
        (file, code.value, given)
        for file, tree in trees()
        if not file.startswith(OPERATORS_ALONE)
        for code, given in codes_in(tree)
        if isinstance(code, ast.Constant) and isinstance(code.value, str)
    ]


def test_both_languages_have_a_sentence_for_the_same_codes():
    assert set(reader("ms").faults) == set(reader("en").faults) == set(SENTENCES)


def test_a_sentence_is_of_its_language_and_without_pointers_patterns_and_names_of_the_api():
    for code, english in SENTENCES.items():
        malay = reader("ms").faults[code]
        assert malay.strip() != english.strip(), code
        assert places(malay) <= places(english), code
        assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", code)
        for text in (malay, english):
            said = re.sub(r"\{\w+\}", "", text)
            assert said.strip(), code
            assert not re.search(r"(^|\s)/\w|\w_\w|\\|\^|\[|\$", said), text


def test_every_problem_is_told_in_both_languages():
    for problem in STATUS:
        refused = Refused(problem=problem)
        malay, english = (reader(code).refusal(refused) for code in ("ms", "en"))
        assert problem in SENTENCES
        assert malay == reader("ms").faults[problem]
        assert malay != english


def test_the_code_base_has_no_code_without_a_sentence():
    unknown = [(file, code) for file, code, _ in written() if code not in SENTENCES]
    assert unknown == []
    assert len({code for _, code, _ in written()}) > 60


def test_every_sentence_is_given_what_stands_in_its_places():
    wrong = [
        (file, code, given)
        for file, code, given in written()
        if given is not None and code in SENTENCES and None not in given
        if given != places(SENTENCES[code])
    ]
    assert wrong == []


def test_no_code_is_left_over():
    texts = {
        node.value
        for file, tree in trees()
        if file != "bmt/contracts/faults.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    made = {GENERAL, "inbox_item_registered", "inbox_item_dismissed", *OF_ATTACHMENT.values()}
    assert set(SENTENCES) - texts - made == set()


def test_a_fault_is_made_of_its_code_alone():
    """A sentence that is written out elsewhere has no other language."""
    made = {
        file
        for file, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called(node) in ("FieldError", "Missing")
    }
    assert made == {"bmt/reconciliation.py"}


def test_every_error_of_pydantic_that_a_call_can_lead_to_has_a_code():
    types = set(get_args(core_schema.ErrorType))
    assert types - CODES.keys() == ABOVE_PYTHON | OF_NO_MODEL
    assert CODES.keys() <= types
    assert set(CODES.values()) <= OF_FIELDS.keys()


def test_people_are_told_of_each_form_in_words():
    patterns = {"^[!-~]+$"}

    def noted(read):
        if isinstance(pattern := read.get("pattern"), str):
            patterns.add(pattern)
        return read

    for file in (REPOSITORY / "docs" / "api").glob("*.openapi.json"):
        json.loads(file.read_text(), object_hook=noted)
    assert patterns - FORMS.keys() == {"^[!-~]+$"}
    assert set(FORMS.values()) <= OF_FIELDS.keys()


def test_what_a_verification_finds_is_told_in_words():
    tree = ast.parse((REPOSITORY / "bmt" / "verify_record.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    words = {
        argument.value
        for call in calls
        if ast.unparse(call.func) in ("Finding", "Wrong", "signed_text")
        for argument in call.args[1:]
        if isinstance(argument, ast.Constant) and re.fullmatch(r"[a-z_]+", str(argument.value))
    }
    assert words - FINDING.keys() == set()
    assert len(words) > 15


def test_no_page_shows_a_sentence_in_another_language_than_its_own():
    """Exceptions: a link is called as its language calls itself, an office's words are in two, operators read English."""
    for page in {*ROOM.rglob("templates/*.html")} - {*(ROOM / "health").rglob("*.html")}:
        text = page.read_text()
        assert 'lang="en"' not in text, page
        assert not re.search(r"\{\{[^}]*\.pointer *\}\}", text), page
        assert ".detail, language" not in text, page


async def test_a_page_of_a_refusal_is_in_the_readers_language_alone():
    problem = "validation_failed"
    errors = tuple(
        FieldError(
            pointer=f"/applicant/{code}",
            detail=SENTENCES[code],
            code=code,
            values=dict.fromkeys(places(SENTENCES[code]), "7"),
        )
        for code in OF_FIELDS
    )
    malay, english = [await page_of(problem, errors, code) for code in ("ms", "en")]
    for code in (*OF_FIELDS, problem):
        assert shown(reader("ms").faults[code]) in malay
        assert shown(SENTENCES[code]) in english
        assert shown(SENTENCES[code]) not in malay
    assert "/applicant" not in malay + english


def shown(text):
    return html.escape(re.sub(r"\{\w+\}", "7", text), quote=True).replace("&#x27;", "&#39;")


async def page_of(problem, errors, language):
    app = FastAPI()

    @app.get("/here")
    async def refuses():
        raise Refused(problem=problem, errors=errors)

    Refusals(Layout("/here", [])).install(app)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://pages"
    ) as browser:
        return (await browser.get("/here", params={"lang": language})).text


@pytest.mark.parametrize(
    ("fault", "malay", "english"),
    [
        (FieldError.of("/a", "required"), "Ini perlu diisi.", "This is needed."),
        (
            FieldError.of("/a", "too_long", maximum=10_000),
            "Paling banyak 10,000 aksara dibenarkan.",
            "At most 10,000 characters are allowed.",
        ),
        (
            FieldError.of("/quota_bytes", "size_above_maximum", maximum_bytes=2_500_000_000),
            "Paling banyak 2.5 GB boleh diberikan.",
            "At most 2.5 GB can be granted.",
        ),
        (
            FieldError.of("/channel", "channel_in_not_allowed", channels=("email", "form")),
            "Agensi menerima permohonan melalui E-mel, Borang.",
            "The agency receives requests through E-mail, Form.",
        ),
        (
            FieldError.of("", "kind_not_taken", kinds=("application/pdf", "image/tiff")),
            "Hanya dokumen jenis ini diterima: PDF, TIFF.",
            "Documents of these kinds alone are taken in: PDF, TIFF.",
        ),
        (
            Missing.of("message", "lines_unclear", labels=("Nama / name", "Kuota / quota")),
            "Ini tiada, tidak jelas, atau tidak dibenarkan: Nama, Kuota.",
            "These are missing, not clear, or not allowed: Name, Quota.",
        ),
        (
            Missing.of("quota_bytes", "line_missing", label="Kuota / quota"),
            "Tiada baris Kuota.",
            "There is no line Quota.",
        ),
    ],
)
def test_a_fault_is_told_with_its_values_as_people_read_them(fault, malay, english):
    assert reader("ms").fault(fault) == malay
    assert reader("en").fault(fault) == english


@pytest.mark.parametrize(
    "fault",
    [
        FieldError(pointer="", detail="Nobody foresaw this.", code="of_a_later_version"),
        FieldError(pointer="", detail="At most ? are allowed.", code="too_long"),
    ],
)
def test_what_is_not_known_is_told_in_general_in_the_readers_language(fault):
    assert reader("ms").fault(fault) == "Nilai ini tidak dibenarkan."
    assert reader("en").fault(fault) == SENTENCES[GENERAL]


def test_what_lies_behind_a_problem_is_told_where_it_is_known():
    body = {"type": "urn:bmt:problem:request_closed", "code": "task_finished"}
    later = {"type": "urn:bmt:problem:request_closed", "code": "of_a_later_version"}
    assert reader("ms").problem(body) == reader("ms").faults["task_finished"]
    assert reader("ms").problem(later) == reader("ms").faults["request_closed"]
    assert reader("ms").problem({"type": "urn:bmt:problem:later"}) == reader("ms").faults[GENERAL]


def test_all_that_can_be_wrong_with_a_request_has_a_code_of_its_own():
    told = {
        "kind": "x",
        "agency": "?",
        "channel": "pigeon",
        "reply_through": "pigeon",
        "applicant": {"account": "?", "name": "a\u202eb", "email": "x"},
        "justification": "\x01",
        "quota_bytes": 10**20,
        "documents": ["x"],
        "more": 1,
    }
    with pytest.raises(ValidationError) as wrong:
        SubmitRequest.model_validate(told)
    found = faults_in_body(wrong.value, told)
    assert {fault.pointer: fault.code for fault in found} == {
        "/kind": "not_one_of",
        "/agency": "not_an_agency_code",
        "/channel": "not_one_of",
        "/reply_through": "not_one_of",
        "/applicant/account": "not_an_account",
        "/applicant/name": "invisible_characters",
        "/applicant/email": "not_an_email_address",
        "/justification": "control_characters_but_lines",
        "/quota_bytes": "size_above_maximum",
        "/documents/0": "not_a_document_id",
        "/more": "unknown_field",
    }
    for fault in found:
        assert fault.detail == sentence(fault.code, fault.values)
        assert reader("ms").fault(fault) not in (fault.detail, reader("ms").faults[GENERAL])
