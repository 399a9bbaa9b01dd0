"""What a process has of webhooks: a protocol, and the one that does nothing where they are off."""

from typing import Protocol

from shared.tables.request_context import RequestContext


class Webhooks(Protocol):
    """Gives hints of what was committed, and sends what they tell of."""

    async def give_hint(self, tenant: str) -> None:
        """Give a hint that a tenant has changed; nothing is raised, and nobody waits long."""
        ...

    async def dispatch(self, context: RequestContext, *, expires: bool = False) -> bool:
        """Send what is due of the context's tenant; see `Dispatcher.dispatch`."""
        ...

    async def clear_poison(self) -> None:
        """Empty the queue in which the host puts hints aside that it could not run."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class WebhooksOff:
    """Nothing is hinted at and nothing is sent."""

    async def give_hint(self, tenant: str) -> None:
        """Give no hint."""

    async def dispatch(self, context: RequestContext, *, expires: bool = False) -> bool:
        """Send nothing."""
        del context, expires
        return True

    async def clear_poison(self) -> None:
        """Empty nothing."""

    async def close(self) -> None:
        """Close nothing."""
