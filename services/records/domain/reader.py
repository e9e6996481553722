"""Who reads the files, and whose."""

from bmt.contracts.immutable import immutable


@immutable
class Reader:
    """A reader, and whose files they may see.

    Attributes:
        subject: the token's `sub`.
        roles: the token's roles, sorted.
        agency: the only agency whose files they may see; None: every agency.
    """

    subject: str
    roles: tuple[str, ...]
    agency: str | None

    def may_see(self, agency: str) -> bool:
        return self.agency in (None, agency)
