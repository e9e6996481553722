"""Forms of the console: what was typed becomes what the API takes, or each field's fault is told and nothing is lost."""

from datetime import date

import pytest
import yaml
from console_pages import SCAN, VISITOR, Services, browser, inbox_item, problem
from fixtures.service import AGENCIES_FILE
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.datastructures import FormData

from bmt.agencies import register
from bmt.agencies.register import whole_rules
from bmt.contracts.http.approval import Ruling
from bmt.contracts.http.intake import BouncedNotice
from bmt.contracts.http.notification import Template, TemplateVersion
from bmt.contracts.problems import Refused
from bmt.contracts.values import LARGEST_EXACT_INTEGER, in_gigabytes, size_in_bytes
from web.console import area
from web.console.agency import Difference, differences, in_words
from web.console.forms import DecisionForm, RegistrationForm, faults_of
from web.console.notices import WordsForm, history
from web.console.rules_form import RulesForm
from web.forms import FormWrong, SubmittedForm
from web.layout import Languages

LANGUAGES = Languages([area.AREA.folder / "locale"])._by_code


def typed_into(form, typed):
    return form.of(SubmittedForm(FormData(typed), "key-1"))


def faults(do):
    """What is wrong, by its pointer."""
    with pytest.raises(FormWrong) as wrong:
        do()
    return {one.pointer: one.code for one in wrong.value.errors}


@pytest.mark.parametrize(
    ("typed", "ruling"),
    [
        (
            {"quota_bytes": "2,5", "max_file_size_bytes": "1", "exception_reason": " Disahkan. "},
            {
                "quota_bytes": 25 * 10**8,
                "max_file_size_bytes": 10**9,
                "exception_reason": "Disahkan.",
            },
        ),
        (
            {"decision": "return", "reason": "X.", "quota_bytes": "10", "exception_reason": "x"},
            {"decision": "return", "reason": "X."},
        ),
        ({"prepared_reason": "Tidak layak.", "reason": "Baik."}, {"reason": "Baik."}),
    ],
    ids=[
        "an approval, in bytes",
        "a return leaves out what belongs to an approval",
        "an approval has no reason that was prepared against it",
    ],
)
def test_what_was_typed_is_a_ruling_and_stays_in_the_form(typed, ruling):
    form = typed_into(DecisionForm, {"decision": "approve", **typed})
    assert form.ruling() == Ruling(**{"decision": "approve", **ruling})
    assert all(form.value(name) == value for name, value in typed.items())


@pytest.mark.parametrize(
    ("typed", "pointers"),
    [
        ({}, {"/decision"}),
        ({"decision": "forget"}, {"/decision"}),
        (
            {"decision": "approve", "quota_bytes": "banyak", "max_file_size_bytes": "-1"},
            {"/quota_bytes", "/max_file_size_bytes"},
        ),
        (
            {"decision": "approve", "quota_bytes": "0", "reason": "a\0b"},
            {"/reason", "/quota_bytes"},
        ),
    ],
)
def test_every_fault_of_a_decision_is_told_at_once_and_what_was_typed_stays(typed, pointers):
    wrong = typed_into(DecisionForm, typed)
    assert faults(wrong.ruling).keys() == pointers
    assert all(wrong.value(name) == value for name, value in typed.items())


@given(st.integers(1, LARGEST_EXACT_INTEGER))
@example(1_234_000_000)
def test_a_size_is_the_same_whoever_writes_it(size):
    assert size_in_bytes(in_gigabytes(size), unit="gb") == size


@pytest.mark.parametrize(
    "typed",
    ["", " ", ".", ",5", "1.2.3", "1e9", "+1", "١", "0x10", "1" * 10, "0." + "1" * 10, "1.500"],
)
def test_what_is_no_size_is_none(typed):
    assert size_in_bytes(typed, unit="gb") is None


def registration(**typed):
    filled_in = {
        "kind": "application",
        "channel": "letter",
        "reply_through": "letter",
        "account": " kamal.mampu@mygovuc.gov.my ",
        "name": "Kamal bin Ali",
        "email": "kamal.mampu@mygovuc.gov.my",
        "justification": "Menghantar lukisan.",
        "quota_bytes": "2,5",
        "max_file_size_bytes": "",
    }
    form = typed_into(RegistrationForm, {**filled_in, **typed})
    return form.registration(VISITOR)


def test_what_was_filled_in_is_the_body_of_a_registration_at_the_visitors_agency():
    asked = registration()
    assert (asked.agency, asked.channel, asked.reply_through) == ("MAMPU", "letter", "letter")
    assert asked.applicant.account == "kamal.mampu@mygovuc.gov.my"
    assert (asked.quota_bytes, asked.max_file_size_bytes) == (2_500_000_000, None)


def test_every_fault_of_a_registration_is_told_by_the_name_of_its_field():
    with pytest.raises(FormWrong) as wrong:
        registration(name="", email="none", quota_bytes="much", kind="gift")
    assert {"name", "email", "kind"} <= set(faults_of(wrong.value))
    assert faults_of(None) == faults_of(Refused(problem="forbidden")) == {}
    assert faults(lambda: registration(channel="")) == {"/channel": "choose_one"}


SENDER = {"name": "Siti binti Ali", "email": "siti@mampu.gov.my"}
KAMAL = {"name": "Kamal", "email": "kamal@mampu.gov.my"}


@pytest.mark.parametrize(
    ("understood", "changes", "offered"),
    [
        ({}, {}, SENDER),
        ({"name": "Kamal"}, {}, {"email": SENDER["email"]}),
        (KAMAL, {}, {}),
        ({}, {"sender": SENDER["email"]}, {"email": SENDER["email"]}),
        ({}, {"sender": "siti@mampu.gov.my, kamal@mampu.gov.my"}, {}),
        ({}, {"sender": ""}, {}),
        ({}, {"status": "set_aside"}, {}),
        ({}, {"bounce": BouncedNotice(message_id=None, request_id=None)}, {}),
    ],
)
def test_the_senders_name_and_address_are_offered_where_the_message_names_no_other(
    understood, changes, offered
):
    form = RegistrationForm.of_item(inbox_item(understood=understood, **changes))
    assert {name: form.value(name) for name in form.of_sender} == offered
    assert form.value("account") == ""


@pytest.mark.parametrize(
    ("understood", "changes", "field", "value"),
    [
        ({}, {"kind": "termination"}, "kind", "termination"),
        ({}, {}, "kind", "application"),
        ({"kind": "bukan penamatan"}, {}, "kind", ""),
        ({"name": "Kamal"}, {}, "name", "Kamal"),
        ({"quota_bytes": "20 GB"}, {}, "quota_bytes", "20"),
        ({}, {}, "channel", "email"),
        ({"channel": "memo"}, {"scan": SCAN}, "channel", "memo"),
        ({}, {"scan": SCAN}, "channel", ""),
    ],
    ids=[
        "the kind that its words seem to mean",
        "a kind that nothing is said of",
        "a kind that is not understood",
        "a name",
        "a size in gigabytes",
        "an e-mail",
        "a paper that says what it is",
        "a paper is not taken for an e-mail",
    ],
)
def test_the_form_begins_with_what_was_understood(understood, changes, field, value):
    form = RegistrationForm.of_item(inbox_item(understood=understood, **changes))
    assert form.value(field) == value


WORDING = {
    "opening": "Permohonan {rujukan}.",
    "onward": ["Satu.", "Dua."],
    "closing": ["Sekian,", "terima kasih."],
    "signatory": None,
}
SIGNED = {**WORDING, "signatory": "Administrator"}
TEMPLATE = Template(
    agency="MAMPU",
    about="configured",
    version=3,
    is_default=False,
    words={"malay": WORDING, "english": SIGNED},
    variables=(),
)


def test_words_that_are_shown_and_sent_back_unchanged_are_the_same_words():
    shown = WordsForm.of_template(TEMPLATE)
    assert shown.value("malay-onward") == "Satu.\n\nDua."
    body = typed_into(WordsForm, {**shown.typed, "version": "3", "why": "Ringkas."}).saved()
    assert body["words"] == {"malay": WORDING, "english": SIGNED}
    assert (body["version"], body["why"]) == (3, "Ringkas.")


def test_breaks_within_a_paragraph_and_empty_lines_are_no_words():
    breaks = "Satu\r\nbaris.\r\n\r\n\r\n\r\nDua."
    form = typed_into(WordsForm, {"malay-onward": breaks, "malay-closing": "A\n\nB\n"})
    words = form.words()["malay"]
    assert (words["onward"], words["closing"]) == (["Satu baris.", "Dua."], ["A", "B"])


def version(number, **changes):
    words = {"malay": {**WORDING, **changes}, "english": WORDING}
    return TemplateVersion(version=number, is_default=not number, words=words)


def test_each_version_of_the_words_tells_what_differs_from_the_one_before():
    newest_first = [version(2, onward=["Satu.", "Tiga."]), version(1), version(0, signatory="S")]
    second, first = history(newest_first, LANGUAGES["en"])
    assert second.differences == [Difference("Malay: Further paragraphs", ["Dua."], ["Tiga."])]
    assert first.differences == [Difference("Malay: Signatory", ["S"], [])]
    assert history(newest_first[-1:], LANGUAGES["ms"]) == []


async def test_a_wrong_variable_is_named_beside_a_part_that_is_empty():
    def preview(call):
        """Refuses words of a wrong shape before it looks at their variables, as the service does."""
        has_all = b'"onward":[]' not in call.content.replace(b" ", b"")
        pointer, code = (
            ("/words/malay/opening", "unknown_variable")
            if has_all
            else ("/words/english/onward", "too_few_items")
        )
        given = {"position": 1, "variables": "{rujukan}", "minimum": 1}
        fault = {"pointer": pointer, "code": code, "detail": "wrong", "values": given}
        return problem("validation_failed", 422, errors=[fault])

    place = "templates/configured"
    services = Services({f"{place}/preview": preview, f"{place}/versions": []}, otherwise=TEMPLATE)
    typed = WordsForm.of_template(TEMPLATE).typed
    wrong = {"do": "save", "version": "3", "malay-opening": "{tiada}", "english-onward": ""}
    answer = await browser(services).post("/notices/configured", data={**typed, **wrong})
    assert answer.status_code == 422
    for field in ("malay-opening", "english-onward", "why"):
        assert f'href="#{field}"' in answer.text


TODAY = date(2026, 12, 1)
SITI = {
    "officer": "siti.mampu@mygovuc.gov.my",
    "officer_name": "Siti binti Ali",
    "on_behalf_of": "Pengarah ICT",
    "from": TODAY,
    "until": date(2026, 12, 31),
}


def rules(**changes):
    written = yaml.safe_load(AGENCIES_FILE.read_text())
    written["MAMPU"] |= changes
    return register.parse(written).get("MAMPU").rules


def test_each_rule_that_differs_is_told_with_what_went_and_what_came():
    before = whole_rules(rules(closed_days=[date(2026, 12, 24), date(2027, 1, 4)]))
    after = whole_rules(rules(closed_days=[date(2027, 1, 4)], acting=[SITI], approval_levels=2))
    acting = "Siti binti Ali (siti.mampu@mygovuc.gov.my) bagi pihak Pengarah ICT, 1 Disember 2026 – 31 Disember 2026"
    levels = (["Seorang pentadbir"], ["Dua pentadbir yang berlainan"])
    assert differences(before, after, LANGUAGES["ms"]) == [
        Difference("Kelulusan yang diperlukan", *levels),
        Difference("Bertindak bagi pihak", [], [acting]),
        Difference("Hari agensi ditutup", ["24 Disember 2026"], []),
    ]


def test_a_version_with_keys_that_are_no_longer_known_is_told_all_the_same():
    old = whole_rules(rules())
    assert in_words({**old, "fax": 1}, LANGUAGES["ms"]) == in_words(old, LANGUAGES["ms"])


def rules_form(**typed):
    start = RulesForm.of_rules(rules(acting=[SITI]), 3, TODAY)
    return typed_into(RulesForm, {**start.typed, **typed})


def test_the_form_of_the_rules_makes_the_change_that_it_shows():
    typed = {"closed-1": "2026-12-24", "reject": "Satu.\n\n Dua.", "why": "Arahan."}
    change = rules_form(**typed).change(TODAY)
    assert (change["number"], change["in_force_from"]) == (3, "2026-12-01")
    assert change["rules"]["closed_days"] == ["2026-12-24"]
    assert change["rules"]["prepared_reasons"]["reject"] == ["Satu.", "Dua."]
    assert change["rules"]["acting"][0]["officer_name"] == "Siti binti Ali"
    emptied = rules_form(**{f"acting-0-{name}": "" for name in SITI}, why="Arahan.")
    assert emptied.change(TODAY)["rules"]["acting"] == []


def test_a_day_that_has_passed_is_told_with_the_other_faults():
    typed = rules_form(decide="0", in_force_from="2026-11-30", why="Arahan.")
    assert faults(lambda: typed.change(TODAY)) == {
        "/in_force_from": "day_passed",
        "/rules/charter_working_days/decide": "below_minimum",
    }


def test_a_name_that_was_not_typed_is_the_directorys():
    new = {"acting-1-officer": "ravi.mampu", "acting-1-on_behalf_of": "Pengarah"}
    typed = rules_form(**new)
    assert typed.unnamed() == {"ravi.mampu"}
    named = typed.naming({"ravi.mampu": "Ravi a/l Krishnan", SITI["officer"]: "Orang lain"})
    assert named.value("acting-1-officer_name") == "Ravi a/l Krishnan"
    assert named.value("acting-0-officer_name") == "Siti binti Ali"
    assert typed.naming({}).value("acting-1-officer_name") == ""


def test_every_fault_of_the_rules_is_told_at_once_beside_its_field():
    wrong = rules_form(
        **{
            "quota_default": "200",
            "max_file_size_bytes": "banyak",
            "decide": "0",
            "notify": "1" * 5000,
            "acting-0-officer": "",
            "acting-0-until": "2026-11-30",
            "acting-2-officer": "siti.mampu@mygovuc.gov.my",
            "acting-2-from": "",
            "closed-1": "esok",
            "reject": "x" * 301,
            "in_force_from": "",
        }
    )
    with pytest.raises(FormWrong) as refused:
        wrong.change(TODAY)
    assert sorted((one.field, one.fault.code) for one in wrong.field_faults(refused.value)) == [
        ("acting-0-officer", "required"),
        ("acting-0-until", "until_before_from"),
        ("acting-2-from", "required"),
        ("acting-2-on_behalf_of", "required"),
        ("acting-2-until", "required"),
        ("closed-1", "not_a_day"),
        ("decide", "below_minimum"),
        ("in_force_from", "not_a_day"),
        ("max_file_size_bytes", "not_gigabytes"),
        ("notify", "not_a_whole_number"),
        ("quota_maximum", "usual_above_maximum"),
        ("reject", "too_long"),
        ("why", "required"),
    ]


def test_a_fault_of_the_decider_leads_to_its_row():
    second = rules_form(**{f"acting-2-{name}": str(value) for name, value in SITI.items()})
    assert second.place_of("/rules/acting/1/officer") == "acting-2-officer"
    assert second.place_of("/rules/acting") == "acting-0-officer"
    assert second.place_of("/in_force_from") == "in_force_from"
