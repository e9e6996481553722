"""Named points between two effects, where a crash leaves the first done and the second not.

The crash tests find every call in the source. They start services with another `reached`, which ends the
process at one of these points.
"""


def reached(point: str) -> None:
    """Do nothing in production. `point` is `<module>.<what was done, or comes next>`."""
