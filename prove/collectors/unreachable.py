"""What stops an audit: a part that does not answer."""


class Unreachable(Exception):  # noqa: N818  named for what is so
    """A part of the system cannot be looked at; `part` says which."""

    def __init__(self, part: str, why: str) -> None:
        """Names it."""
        super().__init__(f"{part} cannot be looked at: {why}")
        self.part = part
