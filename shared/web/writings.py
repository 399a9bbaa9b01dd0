"""The end of what recorders write beside requests, each tenant by a task of its own."""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

_CLOSE_SECONDS: Final = 5.0


class TenantWriting(Protocol):
    """What a recorder keeps of a tenant."""

    @property
    def writing(self) -> asyncio.Task[None] | None:
        """The task that writes; None while nothing waits."""
        ...


async def wait_until_written(tenants: Mapping[str, TenantWriting]) -> None:
    """Wait until all that was taken is written, or given up."""
    while writing := [each.writing for each in tenants.values() if each.writing]:
        await asyncio.wait(writing)


async def write_or_give_up(tenants: Mapping[str, TenantWriting]) -> None:
    """Write what waits, for a few seconds at most, and give up the rest."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await wait_until_written(tenants)
    except TimeoutError:
        give_up(tenants)


def give_up(tenants: Mapping[str, TenantWriting]) -> None:
    """End the writing of what waits."""
    for each in tenants.values():
        if each.writing is not None:
            each.writing.cancel()
