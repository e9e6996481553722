"""The Idempotency-Key is looked at and forgotten: a POST that is tried again is another request."""

import uuid

from bmt.chassis.http import routes

SERVICE = "intake"
FOUND_BY = ("I1",)


def plant() -> None:
    assert callable(routes.causation_of)
    routes.causation_of = lambda _, __: f"cmd:{uuid.uuid4()}"
