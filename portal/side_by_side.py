"""Work about many tenants side by side, a few at once, each with a time of its own."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, TypeVar

from shared.tables.request_context import RequestContext

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from portal.visit import Visit

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_AT_ONCE: Final = 25
_ROW_SECONDS: Final = 5.0


async def run_bounded(
    work: Callable[[_Item], Awaitable[_Result]], items: Iterable[_Item]
) -> list[_Result]:
    """Do some work for each item, a few at once."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def do(item: _Item) -> _Result:
        async with room:
            return await work(item)

    return list(await asyncio.gather(*map(do, items)))


def context_at(visit: Visit, tenant: str) -> RequestContext:
    """Begin the part of the request that is about one tenant, with a time of its own."""
    context = visit.entered.context
    until = min(context.deadline, time.monotonic() + _ROW_SECONDS)
    return RequestContext(tenant, context.request_id, context.actor, until, context.method)
