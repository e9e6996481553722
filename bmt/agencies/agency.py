"""One agency's rules, as agencies.yaml writes them, and their version."""

import hashlib
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from bmt.agencies import charter
from bmt.agencies.accounts import AccountPatterns
from bmt.agencies.deciding import (
    Acting,
    AgencyFileEntry,
    ApprovalLevels,
    Change,
    Days,
    PreparedReasons,
)
from bmt.agencies.states import State
from bmt.contracts.faults import wrong
from bmt.contracts.values import (
    AgencyCode,
    Bytes,
    CharterStep,
    EmailAddress,
    Name,
    PostedChannel,
    ReplyChannel,
)

WorkingDays = Annotated[int, Field(strict=True, ge=1, le=60)]


class Channels(AgencyFileEntry):
    """How requests come in and answers go out (SOP 4.1.1, steps 1 and 4: the agency decides)."""

    in_: Annotated[tuple[PostedChannel, ...], Field(alias="in", min_length=1)]
    out: Annotated[tuple[ReplyChannel, ...], Field(min_length=1)]


class Connectors(AgencyFileEntry):
    """Which connector drives each target."""

    ipms: Literal["scim", "worklist"]
    storage: Literal["copyparty"]


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
        never = ("record_retention_years", "changed", *_REMINDERS)
        excluded: dict[str, Any] = dict.fromkeys(never, True)
        excluded |= {
            name: True for name in _LATER if getattr(rules, name) == fields[name].get_default()
        }
        if rules.separation.registrar_may_approve:
            excluded["separation"] = {"registrar_may_approve"}
        return excluded

    def reply_channel(self, asked: ReplyChannel | None, channel: str) -> ReplyChannel:
        """The reply channel: as asked, else the incoming channel if allowed, else the first allowed."""
        if asked is not None:
            return asked
        same = [out for out in self.rules.channels.out if out == channel]
        return (*same, *self.rules.channels.out)[0]
