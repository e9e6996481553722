"""How a module-level route reaches what its service's composition root made."""

from typing import Any

from starlette.requests import Request


async def ports_of(request: Request) -> Any:
    """Dependency: the service's own `Ports`, as `ServiceBuilder.app` was given them."""
    return request.app.state.ports
