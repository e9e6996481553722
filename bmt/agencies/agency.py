"""One agency's rules, as agencies.yaml writes them, with their version; and what of them the agency sets itself.

They say who decides, acts for whom and configures, how large a quota may be, how long a step may take, and which accounts
are the agency's.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import combinations
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticKnownError

from bmt.agencies import charter
from bmt.agencies.charter import MALAYSIA, State
from bmt.contracts import topics
from bmt.contracts.faults import wrong
from bmt.contracts.values import (
    Account,
    AgencyCode,
    Bytes,
    CharterStep,
    EmailAddress,
    Name,
    PostedChannel,
    Reason,
    ReplyChannel,
)

MOST_LEVELS: Final = 3


def _at_least_one(levels: int) -> int:
    if levels < 1:
        raise ValueError(
            "must be at least 1: every request must be approved "
            '(SOP 5.0: "Permohonan perlu diluluskan oleh Pentadbir UC Agensi.")'
        )
    return levels


ApprovalLevels = Annotated[int, Field(strict=True, le=MOST_LEVELS), AfterValidator(_at_least_one)]
"""How many administrators must approve, one after the other."""

MOST_CHARACTERS: Final = 300


def _short(reason: str) -> str:
    if len(reason) > MOST_CHARACTERS:
        raise PydanticKnownError("string_too_long", {"max_length": MOST_CHARACTERS})
    return reason


PreparedReason = Annotated[Reason, AfterValidator(_short)]
Prepared = Annotated[tuple[PreparedReason, ...], Field(max_length=20)]
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _as_written(day: object) -> object:
    """YAML 1.2 has no dates: they are text of this form, and of no other."""
    if isinstance(day, str) and _DAY.fullmatch(day):
        with suppress(ValueError):
            return date.fromisoformat(day)
    return day


Day = Annotated[date, Field(strict=True), BeforeValidator(_as_written)]


def in_order(days: tuple[date, ...]) -> tuple[date, ...]:
    return tuple(sorted(set(days)))


Days = Annotated[tuple[Day, ...], AfterValidator(in_order)]
"""Days of the calendar. Their order in the file does not matter."""


class AgencyFileEntry(BaseModel):
    """A part of agencies.yaml. It is immutable, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PreparedReasons(AgencyFileEntry):
    """Reasons that an administrator may begin with, by what they are for."""

    reject: Prepared = ()
    return_: Annotated[Prepared, Field(alias="return")] = ()
    exception: Prepared = ()


class Appointment(AgencyFileEntry):
    """An officer who acts for an office or a person (*bertindak bagi pihak*), from a day until a day.

    Both days are included. They begin and end at midnight in Malaysia.
    """

    officer: Account
    officer_name: Name | None = Field(default=None, exclude_if=lambda name: name is None)
    on_behalf_of: Name
    from_: Annotated[Day, Field(alias="from")]
    until: Day

    @field_validator("until")
    @classmethod
    def _not_over_before_it_begins(cls, until: date, earlier: ValidationInfo) -> date:
        if until < earlier.data.get("from_", until):
            raise wrong("until_before_from")
        return until

    def allows(self, officer: str, at: datetime) -> bool:
        day = at.astimezone(MALAYSIA).date()
        return self.officer.casefold() == officer.casefold() and self.from_ <= day <= self.until

    def overlaps(self, other: "Appointment") -> bool:
        """Whether both appoint one officer for the same on some day."""
        same = (self.officer.casefold(), self.on_behalf_of) == (
            other.officer.casefold(),
            other.on_behalf_of,
        )
        return same and self.from_ <= other.until and other.from_ <= self.until


def each_once(appointments: tuple[Appointment, ...]) -> tuple[Appointment, ...]:
    for (first, one), (second, other) in combinations(enumerate(appointments), 2):
        if one.overlaps(other):
            raise wrong("appointed_twice", first=first + 1, second=second + 1)
    return appointments


Acting = Annotated[tuple[Appointment, ...], AfterValidator(each_once)]


class Change(AgencyFileEntry):
    """The last change of the rules: by whom, on which day, and why."""

    by: Name
    on: Day
    why: Reason


def acts_for(acting: Sequence[Appointment], officer: str, at: datetime) -> tuple[str, ...]:
    """For whom an officer may act at a moment, in the order of the file."""
    return tuple(one.on_behalf_of for one in acting if one.allows(officer, at))


MOST_PATTERNS: Final = 1000

AccountPattern = Annotated[
    str, StringConstraints(strict=True, max_length=200, pattern=r"^[A-Za-z0-9*][A-Za-z0-9._@+*-]*$")
]
"""An account (SCIM userName), in which `*` stands for any characters; capitals and small letters are the same."""

AccountPatterns = Annotated[tuple[AccountPattern, ...], Field(max_length=MOST_PATTERNS)]

Belonging = Literal["own", "other", "unknown"]
"""Whose an account is, from one agency's view; unknown: no agency claims it."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Which agency claims which accounts. If several claim one, each may act for it.

    Attributes:
        written_out: the agencies that name an account without `*`, by the account in lower case.
        patterns: all other patterns in lower case, each with its agency.
    """

    written_out: Mapping[str, frozenset[str]] = field(default_factory=dict)
    patterns: tuple[tuple[str, str], ...] = ()

    def belonging(self, agency: str, account: str, named: Collection[str] = ()) -> Belonging:
        """Whether `account` (in any case) belongs to the agency with this code.

        If an account is written out, that alone decides. Otherwise it is another agency's if patterns, or the
        directory (`named`), assign it to others alone.
        """
        name = account.casefold()
        if exact := self.written_out.get(name):
            return "own" if agency in exact else "other"
        claimed = {owner for pattern, owner in self.patterns if fnmatchcase(name, pattern)}
        for owners in (claimed, named):
            if owners and agency not in owners:
                return "other"
        return "own" if claimed or named else "unknown"


NO_CLAIMS: Final = Claims()
"""No agency claims any account."""


def claims_of(accounts: Iterable[tuple[str, Collection[str]]]) -> Claims:
    """The claims of all agencies. Each argument is a code with its patterns."""
    written_out: dict[str, frozenset[str]] = {}
    patterns: list[tuple[str, str]] = []
    for agency, own in accounts:
        for pattern in map(str.casefold, own):
            if "*" in pattern:
                patterns.append((pattern, agency))
            else:
                written_out[pattern] = written_out.get(pattern, frozenset()) | {agency}
    return Claims(written_out, tuple(patterns))


WorkingDays = Annotated[int, Field(strict=True, ge=1, le=60)]


class Channels(AgencyFileEntry):
    """How requests come in and answers go out (SOP 4.1.1, steps 1 and 4: the agency decides)."""

    in_: Annotated[tuple[PostedChannel, ...], Field(alias="in", min_length=1)]
    out: Annotated[tuple[ReplyChannel, ...], Field(min_length=1)]


class Connectors(AgencyFileEntry):
    """Which connector drives each target."""

    ipms: Literal["scim", "worklist"]
    storage: Literal["copyparty", "nextcloud", "sftpgo"]


class Quota(AgencyFileEntry):
    """Transfer storage an account gets, in bytes."""

    default: Bytes
    maximum: Bytes

    @field_validator("maximum")
    @classmethod
    def _default_within_maximum(cls, maximum: int, earlier: ValidationInfo) -> int:
        if earlier.data.get("default", maximum) > maximum:
            raise wrong("usual_above_maximum")
        return maximum


class Charter(AgencyFileEntry):
    """The client charter (*Piagam Pelanggan*): working days for each step."""

    decide: WorkingDays
    configure: WorkingDays
    notify: WorkingDays


class Separation(AgencyFileEntry):
    """Separation of duties. The applicant is never the approver, whatever stands here."""

    approver_may_configure: bool
    registrar_may_approve: bool = True
    """Whether the registrar of a request may approve it. The SOP has no rule for this."""


DELIVERED: Final = tuple(model.TYPE for topic in topics.PUBLIC for model in topics.EVENTS[topic])
"""The types of event that a webhook may ask for."""


def _delivered(type_: str) -> str:
    if type_ not in DELIVERED:
        raise ValueError(f"no webhook gets {type_}; allowed are {', '.join(DELIVERED)}")
    return type_


_Label = Annotated[
    str, StringConstraints(strict=True, max_length=40, pattern=r"^[a-z0-9][a-z0-9-]*$")
]


class Webhook(AgencyFileEntry):
    """An address that gets events of the agency's requests by HTTP, signed."""

    name: _Label
    url: Annotated[
        str,
        StringConstraints(
            strict=True, max_length=500, pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"
        ),
    ]
    """Without user, query and fragment: it is on record, and the signature shows who sends."""
    events: Annotated[tuple[Annotated[str, AfterValidator(_delivered)], ...], Field(min_length=1)]
    secret: _Label
    """The name of its secrets, which notification has from `BMT_WEBHOOK_SECRETS`."""


def _named_apart(webhooks: tuple[Webhook, ...]) -> tuple[Webhook, ...]:
    names = [one.name for one in webhooks]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"each webhook needs a name of its own: {', '.join(twice)}")
    return webhooks


Webhooks = Annotated[tuple[Webhook, ...], Field(max_length=20), AfterValidator(_named_apart)]


MOST_MONTHS: Final = 60
MOST_DAYS_TO_ANSWER: Final = 180


class ConfirmGrants(AgencyFileEntry):
    """Whether what was granted is confirmed again. Without it nothing is asked."""

    every_months: Annotated[int, Field(strict=True, ge=0, le=MOST_MONTHS)] = 0
    """So many months after a grant came into force, or was answered about; 0: never."""
    days_to_answer: Annotated[int, Field(strict=True, ge=1, le=MOST_DAYS_TO_ANSWER)] = 30
    leavers: Literal["ignore", "ask"] = "ignore"
    """Whether it is asked about accounts that the directory no longer shows as serving."""
    unanswered: Literal["remind", "propose"] = "remind"
    """After the last day: somebody is told, or a termination is requested, which a person approves or not."""


class AgencyRules(AgencyFileEntry):
    """One agency's entry in agencies.yaml."""

    name: Name
    channels: Channels
    connectors: Connectors
    quota_bytes: Quota
    max_file_size_bytes: Bytes = 2_000_000_000
    """SOP 3.0: files up to 2 GB, read as 2 * 10^9 bytes."""
    state: State
    charter_working_days: Charter
    paper_dispatch: Literal["confirm", "on-preparation"] = "confirm"
    separation: Separation = Separation(approver_may_configure=True)
    record_retention_years: Annotated[int, Field(strict=True, ge=0, le=100)] = 7
    """How long a filed request's personal data must be kept (*jadual pelupusan rekod*)."""
    office_email: EmailAddress | None = None
    """Gets the reminder before a step is due (client charter)."""
    escalation_email: EmailAddress | None = None
    """Gets the message that a step is overdue."""
    remind_working_days_before: Annotated[int, Field(strict=True, ge=0, le=60)] = 1
    """How many working days before the due day the office is reminded, in the morning."""
    approval_levels: ApprovalLevels = 1
    """How many administrators must approve, one after the other (SOP 5.0: at least one)."""
    acting: Acting = ()
    """Who acts for whom. If this names anybody, nobody else may act for others."""
    prepared_reasons: PreparedReasons = PreparedReasons()
    closed_days: Days = ()
    """The agency's own closures (*cuti peristiwa*): no working days."""
    accounts: AccountPatterns = ()
    """The agency's own accounts. No other agency may act for them."""
    drift: Literal["ask", "correct"] = "ask"
    """What becomes of a target that shows something else than was configured: a person decides, or it is corrected."""
    webhooks: Webhooks = Field(default=(), exclude_if=lambda webhooks: not webhooks)
    """Systems that are told by HTTP what becomes of the agency's requests."""
    confirm_grants: ConfirmGrants = ConfirmGrants()
    """How often the agency confirms what was granted, and what becomes of leavers."""
    changed: Change | None = None
    """The last change of these rules. It is no rule itself."""

    def due_at(self, step: CharterStep, since: datetime) -> datetime:
        """When a step that begins at `since` must be done (client charter)."""
        days = getattr(self.charter_working_days, step)
        return charter.due_at(since, days, self.state, frozenset(self.closed_days))


_REMINDERS: Final = ("office_email", "escalation_email", "remind_working_days_before")

_LATER: Final = ("approval_levels", "acting", "prepared_reasons", "closed_days", "accounts")
"""Rules that old files lack. At its default, none of them makes a new version."""


class Agency(AgencyFileEntry):
    """An agency with its current rules."""

    code: AgencyCode
    rules: AgencyRules

    @cached_property
    def policy_version(self) -> str:
        """Identifies exactly these rules: equal rules have the same version, any change a new one."""
        canonical = self.rules.model_dump_json(by_alias=True, exclude=self._without_effect())
        return f"{self.code}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"

    def _without_effect(self) -> dict[str, Any]:
        """Rules that decide on no request, and later rules that are left at their default."""
        fields = AgencyRules.model_fields
        rules = self.rules
        never = (
            "record_retention_years",
            "changed",
            "confirm_grants",
            "drift",
            "webhooks",
            *_REMINDERS,
        )
        excluded: dict[str, Any] = dict.fromkeys(never, True)
        excluded |= {
            name: True for name in _LATER if getattr(rules, name) == fields[name].get_default()
        }
        if rules.separation.registrar_may_approve:
            excluded["separation"] = {"registrar_may_approve"}
        return excluded

    def reply_channel(self, requested: ReplyChannel | None, channel: str) -> ReplyChannel:
        """The reply channel: as asked, else the incoming channel if allowed, else the first allowed."""
        if requested is not None:
            return requested
        same = [out for out in self.rules.channels.out if out == channel]
        return (*same, *self.rules.channels.out)[0]


V = TypeVar("V")

MOST_APPOINTMENTS: Final = 50
MOST_CLOSED_DAYS: Final = 100

VersionNumber = Annotated[
    int,
    Field(
        strict=True,
        ge=1,
        le=1_000_000,
        description="the last version that was read before; another one is a 409",
    ),
]


class OwnRules(AgencyFileEntry):
    """The rules that an agency may change, all of them. Every other key of agencies.yaml is the operators'."""

    quota_bytes: Quota
    max_file_size_bytes: Bytes
    charter_working_days: Charter
    approval_levels: ApprovalLevels
    separation: Separation
    acting: Annotated[
        tuple[Appointment, ...], Field(max_length=MOST_APPOINTMENTS), AfterValidator(each_once)
    ]
    closed_days: Annotated[
        tuple[Day, ...], Field(max_length=MOST_CLOSED_DAYS), AfterValidator(in_order)
    ]
    prepared_reasons: PreparedReasons
    confirm_grants: ConfirmGrants = ConfirmGrants()

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)


OWN: Final = tuple(OwnRules.model_fields)


class ChangeOfRules(AgencyFileEntry):
    """Body of `POST /v1/agencies/own/rules`: what the agency's rules are from a day on."""

    rules: OwnRules
    in_force_from: Annotated[Day, Field(description="a day in Malaysia: today or later")]
    why: Reason
    number: VersionNumber


class WithdrawalOfChange(AgencyFileEntry):
    """Body of `POST /v1/agencies/own/rules/withdrawal`: a change that waits for its day is taken back."""

    why: Reason
    number: VersionNumber


def overlaid(file: Mapping[str, V], seen: Mapping[str, V], rules: Mapping[str, V]) -> dict[str, V]:
    """The rules that hold where the file now says `file`.

    What the file says otherwise than it did (`seen`) holds; where it stayed the same, `rules` do.
    """
    return {
        name: rules[name] if name in rules and seen.get(name) == value else value
        for name, value in file.items()
    }
