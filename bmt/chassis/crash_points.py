"""The points between two effects, by name: where a crash leaves the first done and the second not.

Nothing happens here. The tests of crashes find every call in the source, and start services with
another `reached` in this one's place, which ends the process at one of them.
"""


def reached(point: str) -> None:
    """The process is at `point`, which is named `<module>.<what was done, or comes next>`."""
