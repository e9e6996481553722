"""An agency's rules in words, and what differs between two versions of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bmt.agencies.agency import AgencyRules, Appointment
from web.console import wording
from web.language import Language


@dataclass(frozen=True, slots=True)
class Fact:
    """One rule: its name in the wording, what it is about, and its value, a line each."""

    rule: str
    label: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A rule that changed, with the lines that went and that came; the others stayed."""

    label: str
    before: Sequence[str]
    after: Sequence[str]


def in_words(rules: Mapping[str, Any], language: Language) -> Sequence[Fact]:
    """The rules of a version, in the order of the page. Keys that are no longer known are left out."""
    known = {name: value for name, value in rules.items() if name in AgencyRules.model_fields}
    told = _told(AgencyRules.model_validate(known), language)
    return [Fact(rule, language.text(wording.RULE[rule]), lines) for rule, lines in told]


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], language: Language
) -> Sequence[Difference]:
    """The rules that differ between two versions."""
    pairs = zip(in_words(before, language), in_words(after, language), strict=True)
    return [
        Difference(
            new.label,
            [line for line in old.lines if line not in new.lines],
            [line for line in new.lines if line not in old.lines],
        )
        for old, new in pairs
        if old.lines != new.lines
    ]


def _told(rules: AgencyRules, language: Language) -> Iterator[tuple[str, Sequence[str]]]:
    size, text = language.size, language.text
    days = rules.charter_working_days
    reasons = rules.prepared_reasons
    yield "quota_default", [size(rules.quota_bytes.default)]
    yield "quota_maximum", [size(rules.quota_bytes.maximum)]
    yield "max_file_size_bytes", [size(rules.max_file_size_bytes)]
    for step, count in (("decide", days.decide), ("configure", days.configure)):
        yield step, [_working_days(count, language)]
    yield "notify", [_working_days(days.notify, language)]
    yield "approval_levels", [text(wording.LEVELS[rules.approval_levels])]
    yield "approver_may_configure", [text(wording.YES[rules.separation.approver_may_configure])]
    yield "registrar_may_approve", [text(wording.YES[rules.separation.registrar_may_approve])]
    yield "acting", [appointed(one, language) for one in rules.acting]
    yield "closed_days", [language.day(day) for day in rules.closed_days]
    yield "reject", reasons.reject
    yield "return", reasons.return_
    yield "exception", reasons.exception
    yield "name", [rules.name]
    yield "in", [", ".join(text(wording.CHANNEL[one]) for one in rules.channels.in_)]
    yield "out", [", ".join(text(wording.CHANNEL[one]) for one in rules.channels.out)]
    yield "state", [rules.state.replace("-", " ").title()]
    yield "ipms", [text(wording.IPMS_BY[rules.connectors.ipms])]
    yield "storage", [rules.connectors.storage]
    yield "accounts", rules.accounts
    yield "drift", [text(wording.DRIFT_RULE[rules.drift])]
    yield "paper_dispatch", [text(wording.DISPATCH[rules.paper_dispatch])]
    yield (
        "record_retention_years",
        [f"{rules.record_retention_years} {text(wording.RULE_UNIT['years'])}"],
    )
    yield "office_email", [one for one in (rules.office_email,) if one]
    yield "escalation_email", [one for one in (rules.escalation_email,) if one]
    yield "remind_working_days_before", [_working_days(rules.remind_working_days_before, language)]


def _working_days(count: int, language: Language) -> str:
    return language.counted(count, language.text(wording.RULE_UNIT["working_day"]))


def appointed(one: Appointment, language: Language) -> str:
    """One acting officer in a line, by name where it is known."""
    who = f"{one.officer_name} ({one.officer})" if one.officer_name else one.officer
    behalf = language.text(wording.RULE_UNIT["on_behalf_of"])
    return (
        f"{who} {behalf} {one.on_behalf_of}, {language.day(one.from_)} – {language.day(one.until)}"
    )
