"""Exact numbers of the resources of a type, spread over 256 slots so that creates seldom collide.

The slot is the first 8 bits of the id, so slot order is id order: prefix sums over the slots tell
in which slot the n-th resource lies.
"""

from dataclasses import dataclass

from shared.store import layout
from shared.store.layout import Column
from shared.tables.operations import Insert, Replace, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row
from shared.tables.table import Table, collect


@dataclass(frozen=True, slots=True)
class SlotOffset:
    """Where the n-th resource lies.

    Attributes:
        slot: the slot in which to start; "" is before all of them.
        skip: how many rows to pass over.
    """

    slot: str
    skip: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Numbers by slot, in slot order."""

    by_slot: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """How many resources there are."""
        return sum(number for _, number in self.by_slot)

    def locate(self, ordinal: int) -> SlotOffset | None:
        """Find the resource with `ordinal` (0-based) others before it; None when there is none."""
        left = ordinal
        for slot, number in self.by_slot:
            if left < number:
                return SlotOffset(slot, left)
            left -= number
        return None


class Counters:
    """The counter rows of one resource type."""

    def __init__(self, table: Table, kind: str) -> None:
        """`kind` is a `ResourceKinds.counter`."""
        self._table = table
        self._kind = kind

    async def read_slot(self, context: RequestContext, resource_id: str) -> Row | None:
        """Read the slot of a resource; None while it was never counted in. One call."""
        return await self._table.get(context, self._key(resource_id))

    async def read_totals(self, context: RequestContext) -> Totals:
        """Read all slots. One call."""
        span = layout.kind_span(self._kind)
        rows = await collect(self._table, context, span, select=(Column.NUMBER,))
        return Totals(tuple((layout.slot_in(r.key), int(r.values[Column.NUMBER])) for r in rows))

    def increment(self, resource_id: str, slot: Row | None, by: int) -> RowOperation:
        """Build the operation that counts a resource in (`by` 1) or out (`by` -1)."""
        if slot is None:
            return Insert(self._key(resource_id), {Column.NUMBER: max(by, 0)})
        return Replace(slot.key, {Column.NUMBER: int(slot.values[Column.NUMBER]) + by}, slot.etag)

    def _key(self, resource_id: str) -> str:
        return layout.counter_key(self._kind, layout.slot_of(resource_id))


@dataclass(frozen=True, slots=True)
class ResourceNumbers:
    """How many users and groups there are, disabled users among them."""

    users: int
    groups: int


async def read_numbers(table: Table, context: RequestContext) -> ResourceNumbers:
    """Read how many users and groups there are. 1 call for up to 1,000 counters of all types."""
    rows = await collect(table, context, layout.counters_span(), select=(Column.NUMBER,))
    numbers = dict.fromkeys((layout.USER_KINDS.counter, layout.GROUP_KINDS.counter), 0)
    for row in rows:
        kind = layout.kind_in(row.key)
        if kind in numbers:
            numbers[kind] += int(row.values[Column.NUMBER])
    return ResourceNumbers(numbers[layout.USER_KINDS.counter], numbers[layout.GROUP_KINDS.counter])
