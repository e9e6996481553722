"""The form of an agency's own rules: what was typed, the change that it makes, and where each fault belongs."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from bmt.agencies.agency import MOST_APPOINTMENTS, MOST_CLOSED_DAYS, AgencyRules, ChangeOfRules
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import in_gigabytes
from web.forms import FieldFault, SubmittedForm, field_faults, new_key, read_sizes, validated

APPOINTMENT: Final = ("officer", "officer_name", "on_behalf_of", "from", "until")
STEPS: Final = ("decide", "configure", "notify")
REASONS: Final = ("reject", "return", "exception")
SEPARATION: Final = ("approver_may_configure", "registrar_may_approve")
GRANTS: Final = ("every_months", "days_to_answer")
ASKS: Final[Mapping[str, tuple[str, str]]] = {
    "leavers": ("ignore", "ask"),
    "unanswered": ("remind", "propose"),
}
"""The value in the rules of each check box: unchecked and checked."""
_SIZES: Final = ("quota_default", "quota_maximum", "max_file_size_bytes")
_ONCE: Final = (
    *(*_SIZES, *STEPS, "approval_levels", *SEPARATION, *REASONS, *GRANTS, *ASKS),
    *("in_force_from", "why", "number", "acting_rows", "closed_rows"),
)
_BLANK_ROWS: Final = 2
_MOST_DIGITS: Final = 18
_PLACES: Final = {
    "quota_bytes-default": "quota_default",
    "quota_bytes-maximum": "quota_maximum",
    "acting": "acting-0-officer",
    "closed_days": "closed-0",
}
"""The form's field of a pointer that, without its first step, names none."""
_IN_A_GROUP: Final = re.compile(
    r"(?:charter_working_days|separation|confirm_grants)-(?P<name>\w+)|prepared_reasons-(?P<reason>[a-z]+)(?:-\d+)?"
)


@dataclass(frozen=True, slots=True)
class RulesForm:
    """As browsers send it. Rows of appointments and closed days are numbered.

    A blank row of an appointment begins with the first day that it may have: a row with that alone is none.
    """

    key: str = field(default_factory=new_key)
    typed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_rules(cls, rules: AgencyRules, number: int, today: date) -> "RulesForm":
        reasons, grants = rules.prepared_reasons, rules.confirm_grants
        typed = {
            "quota_default": in_gigabytes(rules.quota_bytes.default),
            "quota_maximum": in_gigabytes(rules.quota_bytes.maximum),
            "max_file_size_bytes": in_gigabytes(rules.max_file_size_bytes),
            **{step: str(getattr(rules.charter_working_days, step)) for step in STEPS},
            "approval_levels": str(rules.approval_levels),
            **{name: "on" for name in SEPARATION if getattr(rules.separation, name)},
            "reject": "\n".join(reasons.reject),
            "return": "\n".join(reasons.return_),
            "exception": "\n".join(reasons.exception),
            **{name: str(getattr(grants, name)) for name in GRANTS},
            **{name: "on" for name, (_, on) in ASKS.items() if getattr(grants, name) == on},
            "in_force_from": today.isoformat(),
            "number": str(number),
            "acting_rows": str(len(rules.acting) + _BLANK_ROWS),
            "closed_rows": str(len(rules.closed_days) + _BLANK_ROWS),
        }
        for row, one in enumerate(rules.acting):
            written = one.model_dump(mode="json", by_alias=True)
            typed |= {f"acting-{row}-{name}": written.get(name, "") for name in APPOINTMENT}
        typed |= {f"closed-{row}": day.isoformat() for row, day in enumerate(rules.closed_days)}
        blank = range(len(rules.acting), len(rules.acting) + _BLANK_ROWS)
        return cls(new_key(), {**typed, **_begun(blank, today.isoformat())})

    @classmethod
    def of(cls, submitted: SubmittedForm) -> "RulesForm":
        form = cls(new_key(), {name: submitted.text(name) for name in _ONCE})
        rows = {
            name: submitted.text(name)
            for row in form.acting_rows
            for name in (f"acting-{row}-{part}" for part in APPOINTMENT)
        }
        days = {f"closed-{row}": submitted.text(f"closed-{row}") for row in form.closed_rows}
        return cls(form.key, {**form.typed, **rows, **days})

    def with_more_rows(self) -> "RulesForm":
        rows = {
            name: str(len(count) + _BLANK_ROWS)
            for name, count in (
                ("acting_rows", self.acting_rows),
                ("closed_rows", self.closed_rows),
            )
        }
        count = len(self.acting_rows)
        blank = range(count, count + _BLANK_ROWS)
        begun = _begun(blank, self.value("in_force_from"))
        return RulesForm(self.key, {**self.typed, **rows, **begun})

    def unnamed(self) -> Collection[str]:
        """The accounts of acting officers whose name was not typed."""
        return {
            account
            for row in self.acting_rows
            if (account := self._of_row(row, "officer")) and not self._of_row(row, "officer_name")
        }

    def naming(self, names: Mapping[str, str]) -> "RulesForm":
        """The form with these names, by account, where none was typed."""
        found = {
            f"acting-{row}-officer_name": name
            for row in self.acting_rows
            if not self._of_row(row, "officer_name")
            and (name := names.get(self._of_row(row, "officer").casefold()))
        }
        return RulesForm(self.key, {**self.typed, **found})

    def value(self, name: str) -> str:
        return self.typed.get(name, "")

    @property
    def acting_rows(self) -> range:
        return range(_count(self.value("acting_rows"), MOST_APPOINTMENTS + _BLANK_ROWS))

    @property
    def closed_rows(self) -> range:
        return range(_count(self.value("closed_rows"), MOST_CLOSED_DAYS + _BLANK_ROWS))

    def change(self, today: date) -> Mapping[str, Any]:
        """The body that makes the change, from `today` on or later.

        Raises:
            FormWrong: naming every field that is wrong.
        """
        faults = list(self._day_passed(today))
        sizes = read_sizes({name: self.value(name) for name in _SIZES}, faults)
        fields = {
            "rules": {
                "quota_bytes": _without_none(
                    default=sizes.get("quota_default"), maximum=sizes.get("quota_maximum")
                ),
                **_without_none(max_file_size_bytes=sizes.get("max_file_size_bytes")),
                "charter_working_days": {step: _number(self.value(step)) for step in STEPS},
                "approval_levels": _number(self.value("approval_levels")),
                "separation": {name: bool(self.value(name)) for name in SEPARATION},
                "acting": [
                    {name: text for name in APPOINTMENT if (text := self._of_row(row, name))}
                    for row in self._filled_acting()
                ],
                "closed_days": [self.value(f"closed-{row}") for row in self._filled_closed()],
                "prepared_reasons": {name: _lines(self.value(name)) for name in REASONS},
                "confirm_grants": {
                    **{name: _number(self.value(name)) for name in GRANTS},
                    **{name: choices[bool(self.value(name))] for name, choices in ASKS.items()},
                },
            },
            "in_force_from": self.value("in_force_from"),
            "why": self.value("why").strip(),
            "number": _number(self.value("number")),
        }
        return validated(ChangeOfRules, fields, faults).model_dump(mode="json", by_alias=True)

    def _day_passed(self, today: date) -> Iterator[FieldError]:
        """Approval checks the day only if all else is valid; the form shows all faults at once."""
        with suppress(ValueError):
            if date.fromisoformat(self.value("in_force_from")) < today:
                yield FieldError.of("/in_force_from", "day_passed")

    def field_faults(self, refused: Refused | None) -> Sequence[FieldFault]:
        """Every fault with its field. A value that could not be read is not reported as missing, too."""
        listed = field_faults(refused, self.place_of)
        unread = {one.field for one in listed if one.fault.code == "not_gigabytes"}
        return [one for one in listed if one.fault.code != "required" or one.field not in unread]

    def place_of(self, pointer: str) -> str:
        """The field that a pointer of the API, or of this form's own faults, means."""
        steps = [step for step in pointer.split("/") if step and step != "rules"]
        if steps[:1] == ["acting"] and len(steps) > 1:
            row = _nth(self._filled_acting(), steps[1])
            return "-".join(["acting", str(row), *(steps[2:] or ["officer"])])
        if steps[:1] == ["closed_days"] and len(steps) > 1:
            return f"closed-{_nth(self._filled_closed(), steps[1])}"
        name = "-".join(steps)
        if group := _IN_A_GROUP.fullmatch(name):
            return group["name"] or group["reason"]
        return _PLACES.get(name, name)

    def _of_row(self, row: int, name: str) -> str:
        return self.value(f"acting-{row}-{name}").strip()

    def _filled_acting(self) -> Sequence[int]:
        return [
            row
            for row in self.acting_rows
            if any(self._of_row(row, name) for name in APPOINTMENT if name != "from")
        ]

    def _filled_closed(self) -> Sequence[int]:
        return [row for row in self.closed_rows if self.value(f"closed-{row}")]


def _begun(rows: range, day: str) -> Mapping[str, str]:
    return {f"acting-{row}-from": day for row in rows}


def _without_none(**values: int | None) -> dict[str, int]:
    return {name: value for name, value in values.items() if value is not None}


def _number(text: str) -> int | str:
    bare = text.strip()
    return int(bare) if bare.isascii() and bare.isdigit() and len(bare) < _MOST_DIGITS else bare


def _lines(text: str) -> Sequence[str]:
    return [line for one in text.splitlines() if (line := one.strip())]


def _count(text: str, most: int) -> int:
    number = _number(text)
    return min(number, most) if isinstance(number, int) else _BLANK_ROWS


def _nth(rows: Sequence[int], index: str) -> int:
    number = _number(index)
    return rows[number] if isinstance(number, int) and number < len(rows) else 0
