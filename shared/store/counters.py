"""Exact numbers of the resources of a type, spread over 256 slots so that creates seldom collide.

The slot is the first 8 bits of the id, so slot order is id order: prefix sums over the slots tell
in which slot the n-th resource lies.

A slot of users also says how many of them are active. One that an earlier version has written does
not, until it is counted (`shared/store/active_users.py`). Who changes whether a user is active
writes the slot even then, so that a count that is under way loses the race and is done again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.store import layout
from shared.store.layout import Column
from shared.tables.operations import Insert, Replace, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row, Value
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

    def increment(
        self, resource_id: str, slot: Row | None, by: int, *, active: int | None = None
    ) -> RowOperation:
        """Build the operation that counts a resource in (`by` 1) or out (`by` -1), or neither (0).

        Args:
            resource_id: id of the resource.
            slot: its slot as it was read.
            by: by how many the resources become more.
            active: by how many the active ones do; None for a type that has no such state.
        """
        if slot is None:
            return Insert(self._key(resource_id), _numbers(max(by, 0), active and max(active, 0)))
        before = int(slot.values[Column.NUMBER])
        counted = active_in(slot)
        if counted is not None and active is not None:
            counted += active
        return Replace(slot.key, _numbers(before + by, counted), slot.etag)

    def _key(self, resource_id: str) -> str:
        return layout.counter_key(self._kind, layout.slot_of(resource_id))


def active_in(slot: Row) -> int | None:
    """Read how many users of a slot are active; None while they are not counted."""
    counted = slot.values.get(Column.ACTIVE)
    if counted is not None:
        return int(counted)
    return None if int(slot.values[Column.NUMBER]) else 0


def _numbers(number: int, active: int | None) -> dict[str, Value]:
    """Lay out a slot. A number of active users that cannot be is left out, and counted again.

    It comes of instances of an earlier version, which enable and disable without counting.
    """
    if active is None or not 0 <= active <= number:
        return {Column.NUMBER: number}
    return {Column.NUMBER: number, Column.ACTIVE: active}


def counted_slot(slot: Row, active: int) -> Replace:
    """Build the operation by which a slot tells how many of its users are active."""
    number = int(slot.values[Column.NUMBER])
    return Replace(slot.key, {Column.NUMBER: number, Column.ACTIVE: active}, slot.etag)


@dataclass(frozen=True, slots=True)
class ResourceNumbers:
    """How many users and groups there are.

    Attributes:
        users: all of them, disabled ones too.
        active: those who are active; None until they are counted.
        groups: all of them.
    """

    users: int
    active: int | None
    groups: int

    @property
    def disabled(self) -> int | None:
        """How many users are not active; None until they are counted."""
        return None if self.active is None else self.users - self.active


async def read_numbers(table: Table, context: RequestContext) -> ResourceNumbers:
    """Read how many users and groups there are. 1 call for up to 1,000 counters of all types."""
    rows = await collect(
        table, context, layout.counters_span(), select=(Column.NUMBER, Column.ACTIVE)
    )
    users = [row for row in rows if layout.kind_in(row.key) == layout.USER_KINDS.counter]
    groups = [row for row in rows if layout.kind_in(row.key) == layout.GROUP_KINDS.counter]
    return ResourceNumbers(_total(users), _total_active(users), _total(groups))


def _total(slots: Sequence[Row]) -> int:
    return sum(int(slot.values[Column.NUMBER]) for slot in slots)


def _total_active(slots: Sequence[Row]) -> int | None:
    """Add up the active users; None where any slot does not tell."""
    counted = [active_in(slot) for slot in slots]
    told = [each for each in counted if each is not None]
    return sum(told) if len(told) == len(counted) else None
