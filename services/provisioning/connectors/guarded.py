"""A connector behind its breaker, every call counted by what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge
from pydantic import BaseModel

from bmt.chassis import crash_points
from bmt.contracts.events import PlannedChange
from services.provisioning.connectors.breaker import Breaker
from services.provisioning.connectors.connector import (
    Connector,
    NotCalled,
    OperatorNeeded,
    Reading,
    TargetAway,
    TargetRefused,
    Unsettled,
)

E = TypeVar("E", bound=BaseModel)
T = TypeVar("T")

Operation = Literal["plan", "apply", "read_back"]
Outcome = Literal[
    "answered",
    "away",
    "not_called",
    "refused",
    "operator_needed",
    "unsettled",
    "given_up",
    "failed",
]
"""`given_up`: who asked no longer waits for the answer."""

_OUTCOMES: Final[Sequence[tuple[type[BaseException], Outcome]]] = (
    (NotCalled, "not_called"),
    (TargetAway, "away"),
    (TargetRefused, "refused"),
    (OperatorNeeded, "operator_needed"),
    (Unsettled, "unsettled"),
    (asyncio.CancelledError, "given_up"),
)


class ConnectorMetrics:
    """How the targets answer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Registers both figures."""
        self._calls = Counter(
            "bmt_connector_calls",
            "Calls to a target's connector, by what came of them.",
            ["connector", "operation", "outcome"],
            registry=registry,
        )
        self._open = Gauge(
            "bmt_connector_breaker_open",
            "1 while the target is away and work for it waits.",
            ["connector"],
            registry=registry,
        )

    def called(self, connector: str, operation: Operation, outcome: Outcome) -> None:
        """Counts one call."""
        self._calls.labels(connector, operation, outcome).inc()

    def turned(self, connector: str) -> Callable[[bool], None]:
        """What a breaker of `connector` tells that it opened or closed."""
        return self._open.labels(connector).set


class Guarded(Generic[E]):
    """Keeps the connector's protocol, and keeps calls from a target that is away."""

    def __init__(
        self, connector: Connector[E], breaker: Breaker, metrics: ConnectorMetrics
    ) -> None:
        """`breaker` is the connector's own."""
        self.name = connector.name
        self._connector = connector
        self._breaker = breaker
        self._metrics = metrics

    async def plan(self, account: str, wanted: E) -> Sequence[PlannedChange]:
        """As `Connector.plan`."""
        return await self._call("plan", lambda: self._connector.plan(account, wanted))

    async def apply(self, account: str, wanted: E) -> None:
        """As `Connector.apply`."""
        crash_points.reached("provisioning.guarded.applying")
        await self._call("apply", lambda: self._connector.apply(account, wanted))
        crash_points.reached("provisioning.guarded.applied")

    async def read_back(self, account: str) -> Reading[E]:
        """As `Connector.read_back`."""
        crash_points.reached("provisioning.guarded.reading_back")
        reading = await self._call("read_back", lambda: self._connector.read_back(account))
        crash_points.reached("provisioning.guarded.read_back")
        return reading

    async def _call(self, operation: Operation, call: Callable[[], Awaitable[T]]) -> T:
        try:
            result = await self._breaker.call(call)
        except BaseException as error:
            self._metrics.called(self.name, operation, _outcome(error))
            raise
        self._metrics.called(self.name, operation, "answered")
        return result


def _outcome(error: BaseException) -> Outcome:
    return next((outcome for kind, outcome in _OUTCOMES if isinstance(error, kind)), "failed")
