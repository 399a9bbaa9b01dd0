"""What a tenant's partition holds, in a few calls whatever its size."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.store import layout
from shared.store.counters import read_numbers
from shared.store.layout import RowKind
from shared.tables.request_context import Bound
from shared.tables.table import PAGE_ROWS
from tools.admin.changes import last

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.changes import RecordedChange
    from shared.tables.request_context import RequestContext
    from shared.tables.rows import Span
    from tools.admin.storage import Storage

MEMBERSHIP_PAGES = 20
"""Pages of memberships that are counted at most."""

ROWS_A_CALL = PAGE_ROWS

_MEMBERSHIPS = layout.kind_span(RowKind.MEMBERSHIP)
_UNBOUND = Bound(sys.maxsize, math.inf)
_PENDING = layout.leftovers_span()
_NO_DELETIONS = (layout.traces_span(), layout.kind_span(RowKind.GUARD))


@dataclass(frozen=True, slots=True)
class Number:
    """A number of rows, or the least that it is."""

    least: int
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Stats:
    """A tenant in numbers.

    Attributes:
        tenant: which one.
        users: how many there are, disabled ones included.
        active: how many of them are active; None until they are counted.
        groups: how many there are.
        memberships: how many there are; None when they were not to be counted.
        last_change: the newest change row, or None.
        pending_deletions: deleted groups and users whose memberships are still to be cleared up.
    """

    tenant: str
    users: int
    active: int | None
    groups: int
    memberships: Number | None
    last_change: RecordedChange | None
    pending_deletions: Number

    @property
    def is_nothing(self) -> bool:
        """Whether the tenant holds nothing that is counted."""
        counted = self.users or self.groups or self.pending_deletions.least
        return not counted and self.last_change is None


async def read(storage: Storage, tenant: str, now: int, *, memberships: bool) -> Stats:
    """Read the numbers of a tenant: 2 calls, those of `changes.last`, and 20 for memberships."""
    context = storage.context(tenant)
    numbers = await read_numbers(storage.table, context)
    return Stats(
        tenant=tenant,
        users=numbers.users,
        active=numbers.active,
        groups=numbers.groups,
        memberships=(
            await _count(storage, context, _MEMBERSHIPS, MEMBERSHIP_PAGES) if memberships else None
        ),
        last_change=await last(storage, context, now),
        pending_deletions=await _count(storage, context, _PENDING, 1, _NO_DELETIONS),
    )


async def recount(storage: Storage, tenant: str) -> None:
    """Count the active users once more, slot by slot. 3 calls for each 1,000 users, or 100 slots.

    Slots that are written at the same time are left alone: what they tell is right, or they tell
    nothing, and the sweeper counts them.
    """
    context = storage.context(tenant)
    await storage.store.active_users.count(context, _UNBOUND, every_slot=True)


async def is_empty(storage: Storage, tenant: str) -> bool:
    """Tell whether a partition holds no row at all. One call."""
    page = await storage.table.page(storage.context(tenant), layout.WHOLE_PARTITION, 1)
    return not page.rows and page.token is None


async def members_of(storage: Storage, context: RequestContext, span: Span) -> Number:
    """Count the rows of a span of memberships. A call for each 1,000, 20 at most."""
    return await _count(storage, context, span, MEMBERSHIP_PAGES)


async def _count(
    storage: Storage, context: RequestContext, span: Span, pages: int, besides: Sequence[Span] = ()
) -> Number:
    """Count the rows of a span, but for those of others that lie in it."""
    number, token = 0, None
    for _ in range(pages):
        page = await storage.table.page(context, span, ROWS_A_CALL, token)
        number += sum(1 for row in page.rows if not _lies_in(row.key, besides))
        token = page.token
        if token is None:
            return Number(number)
    return Number(number, is_exact=False)


def _lies_in(key: str, spans: Sequence[Span]) -> bool:
    return any(span.start <= key < span.end for span in spans)
