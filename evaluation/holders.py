"""The sample accounts that tokens are made for."""

from collections.abc import Sequence
from typing import Final

from bmt.chassis.runtime import strict_yaml
from evaluation.layout import accounts_file
from evaluation.tokens import MAIL_DOMAIN, Holder

ADMINISTRATORS: Final = {
    "MAMPU": f"aminah.mampu@{MAIL_DOMAIN}",
    "JPA": f"faridah.jpa@{MAIL_DOMAIN}",
    "KPM": f"zainab.kpm@{MAIL_DOMAIN}",
}
"""The UC administrator of each agency."""


INTEGRATOR: Final = "hrmis"
"""The sample integrator; a token's `sub` is the integrator's name."""


def samples() -> list[Holder]:
    """One holder for each role."""
    return [
        holder(["applicant"], "MAMPU", f"siti.mampu@{MAIL_DOMAIN}"),
        administrator("MAMPU"),
        administrator("JPA"),
        holder(["operator"], "JPA"),
        holder(["auditor"], "MAMPU"),
        holder(["integrator"], "MAMPU"),
    ]


def administrator(agency: str) -> Holder:
    """The UC administrator of a sample agency."""
    return holder(["administrator"], agency, ADMINISTRATORS[agency])


def holder(roles: Sequence[str], agency: str = "", subject: str | None = None) -> Holder:
    """Somebody with these roles; without a subject, one named after the first role."""
    account = subject or _made_up(roles[0], agency)
    return Holder(account, _names().get(account, account), agency, roles)


def _made_up(role: str, agency: str) -> str:
    if role == "integrator":
        return INTEGRATOR
    return f"{'.'.join(filter(None, (role, agency.lower())))}@{MAIL_DOMAIN}"


def _names() -> dict[str, str]:
    accounts = strict_yaml.read(accounts_file().read_text(encoding="utf-8"))
    return {each["userName"]: each["displayName"] for each in accounts}
