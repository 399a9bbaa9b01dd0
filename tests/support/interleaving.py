"""Requests at the same time, whose calls of the storage come in an order that a test chooses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from shared.tables.operations import RowOperation
    from shared.tables.request_context import RequestContext
    from shared.tables.rows import Row, Span
    from shared.tables.table import ContinuationToken, Page, Selection, Table

_ROUNDS = 30
"""Rounds of the event loop after which nothing goes on but by another call."""


@dataclass(slots=True)
class _Call:
    """A call that waits to be let through."""

    send: Callable[[], Awaitable[Any]]
    answered: asyncio.Future[Any]


@dataclass(slots=True)
class Actor:
    """One request: a table of its own, whose calls wait until they are let through."""

    table: Table
    waiting: list[_Call] = field(default_factory=list)

    async def get(self, context: RequestContext, key: str) -> Row | None:
        row: Row | None = await self._wait(lambda: self.table.get(context, key))
        return row

    async def page(
        self,
        context: RequestContext,
        span: Span,
        limit: int = 1_000,
        token: ContinuationToken | None = None,
        select: Selection = None,
    ) -> Page:
        page: Page = await self._wait(lambda: self.table.page(context, span, limit, token, select))
        return page

    async def transact(
        self, context: RequestContext, operations: Sequence[RowOperation]
    ) -> list[str]:
        etags: list[str] = await self._wait(lambda: self.table.transact(context, operations))
        return etags

    async def close(self) -> None:
        """Leave the table open, which others use."""

    async def _wait(self, send: Callable[[], Awaitable[Any]]) -> Any:
        call = _Call(send, asyncio.get_running_loop().create_future())
        self.waiting.append(call)
        return await call.answered

    async def let_through(self) -> None:
        """Make the call that has waited longest, and let the request go on to the next one."""
        call = self.waiting.pop(0)
        try:
            answer = await call.send()
        except Exception as error:  # noqa: BLE001 - it is that of the request
            call.answered.set_exception(error)
        else:
            call.answered.set_result(answer)
        await settle()


async def settle() -> None:
    """Let everything go on that does not wait for a call."""
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)


async def interleave(
    table: Table,
    requests: Sequence[Callable[[Table], Coroutine[Any, Any, object]]],
    choose: Callable[[int], int],
) -> list[object]:
    """Run requests at the same time, one call of the storage after the other.

    What else requests wait for, such as pauses between attempts, should take no time.

    Args:
        table: where the calls go.
        requests: each is given a table of its own.
        choose: of so many requests that wait, whose call comes next, 0-based.

    Returns:
        The result of each, or what it has raised.
    """
    actors = [Actor(table) for _ in requests]
    tasks = [
        asyncio.create_task(request(actor)) for request, actor in zip(requests, actors, strict=True)
    ]
    await settle()
    while not all(task.done() for task in tasks):
        if waiting := [actor for actor in actors if actor.waiting]:
            await waiting[choose(len(waiting))].let_through()
        else:
            await settle()
    return list(await asyncio.gather(*tasks, return_exceptions=True))
