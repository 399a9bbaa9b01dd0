"""Counting active users where the counters do not tell them yet.

The slots of users that an earlier version has written say how many users there are, and not how
many are active. Each is counted once, by reading its users, and counts on from then by itself
(`shared/store/counters.py`). A slot is written under the ETag that it had before its users were
read. Who creates, deletes, enables or disables one of them meanwhile writes the slot, so what was
counted then is not written; the next run counts that slot again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from shared.store import layout
from shared.store.counters import active_in, counted_slot
from shared.store.layout import USER_KINDS, Column
from shared.store.resources import is_active, user_from
from shared.tables.operations import MAX_TRANSACTION_OPERATIONS, OperationRejected, Replace
from shared.tables.rate_limiter import RateLimiter
from shared.tables.request_context import Bound, RequestContext
from shared.tables.retry import resend
from shared.tables.rows import Row
from shared.tables.table import PAGE_ROWS, Table, collect


class ActiveUsers:
    """Counts the active users of every tenant; the context says of which."""

    def __init__(self, table: Table, rate_limiter: RateLimiter) -> None:
        """Prepare.

        Args:
            table: the table.
            rate_limiter: limits what is written together with the large changes of a tenant.
        """
        self._table = table
        self._rate_limiter = rate_limiter

    async def count(
        self, context: RequestContext, bound: Bound, *, every_slot: bool = False
    ) -> int:
        """Count the active users of the slots that do not tell them.

        1 call where there is none. Else 3 for each block of slots that lie side by side: of up to
        1,000 users, and up to 100 slots. It needs no receipt: to write the same number twice
        changes nothing.

        Args:
            context: the run.
            bound: how far to go.
            every_slot: count those too that tell a number, which may then become another one.

        Returns:
            How many slots were written.
        """
        written = 0
        for block in _blocks(await self._slots(context), every_slot=every_slot):
            if bound.is_reached(context):
                break
            async with self._rate_limiter.limit(context):
                written += await self._count_block(context, {slot.key for slot in block})
        return written

    async def _count_block(self, context: RequestContext, keys: set[str]) -> int:
        """Count the users of some slots, and write the slots that nobody wrote meanwhile."""
        slots = [slot for slot in await self._slots(context) if slot.key in keys]
        names = [layout.slot_in(slot.key) for slot in slots]
        span = layout.slots_span(USER_KINDS.resource, names[0], names[-1])
        active: Counter[str] = Counter()
        token = None
        while True:
            page = await self._table.page(context, span, PAGE_ROWS, token)
            users = map(user_from, page.rows)
            active.update(layout.slot_of(user.id) for user in users if is_active(user.document))
            token = page.token
            if token is None:
                break
        counted = [counted_slot(slot, active[layout.slot_in(slot.key)]) for slot in slots]
        return await self._write(context, counted)

    async def _write(self, context: RequestContext, operations: list[Replace]) -> int:
        """Write slots in one transaction, without those that others have written meanwhile."""

        async def send() -> int:
            left = operations
            while left:
                try:
                    await self._table.transact(context, left)
                except OperationRejected as rejection:
                    left = [each for each in left if each is not rejection.operation]
                else:
                    break
            return len(left)

        return await resend(context, send)

    async def _slots(self, context: RequestContext) -> list[Row]:
        return await collect(self._table, context, layout.kind_span(USER_KINDS.counter))


def _blocks(slots: Sequence[Row], *, every_slot: bool) -> Iterator[list[Row]]:
    """Cut the slots that are to be counted into what is read by about one call.

    A block ends where the next slot is told already, since its users need not be read.
    """
    block: list[Row] = []
    users = 0
    for slot in slots:
        is_wanted = every_slot or active_in(slot) is None
        more = int(slot.values[Column.NUMBER])
        is_full = users + more > PAGE_ROWS or len(block) == MAX_TRANSACTION_OPERATIONS
        if block and (is_full or not is_wanted):
            yield block
            block, users = [], 0
        if is_wanted:
            block.append(slot)
            users += more
    if block:
        yield block
