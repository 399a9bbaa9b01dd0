"""The groups that groups are in: read upwards, level by level, within a bound, around no circle."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from shared.store import layout
from shared.store.deletions_row import HiddenResources
from shared.store.layout import unpack_ids
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row
from shared.tables.table import Table, get_all

MAX_GROUPS_READ = 200
"""Groups that are read for the groups that they are in."""

MAX_LEVELS = 10
"""Levels of them, from the first groups upwards."""


@dataclass(frozen=True, slots=True)
class Ancestors:
    """The groups that some groups are in, directly or not.

    Attributes:
        parents: of each group that was read, the groups that it is in, without the deleted ones.
        ids: all that were found beyond the first groups, those nearer to them first.
        is_whole: whether no bound was reached.
    """

    parents: dict[str, tuple[str, ...]]
    ids: tuple[str, ...]
    is_whole: bool


async def read_ancestors(
    table: Table,
    hidden: HiddenResources,
    context: RequestContext,
    first: Sequence[str],
    most: int = MAX_GROUPS_READ,
) -> Ancestors:
    """Read which groups some groups are in, directly or not. A call for each group read.

    At most so many groups and 10 levels are read; what the last ones read are in is shown as well.
    """
    parents: dict[str, tuple[str, ...]] = {}
    seen = dict.fromkeys(first)
    level = list(seen)
    for _ in range(MAX_LEVELS):
        room = most - len(parents)
        some, rest = level[:room], level[room:]
        rows = await get_all(table, context, [layout.group_key(gid) for gid in some])
        found = await _groups_of(hidden, context, rows)
        parents |= {gid: found.get(gid, ()) for gid in some}
        above = dict.fromkeys(chain.from_iterable(found.values()))
        level = [gid for gid in above if gid not in seen]
        seen |= dict.fromkeys(level)
        if rest or not level:
            break
    is_whole = not rest and not level
    return Ancestors(parents, tuple(seen)[len(dict.fromkeys(first)) :], is_whole)


async def _groups_of(
    hidden: HiddenResources, context: RequestContext, rows: Sequence[Row | None]
) -> dict[str, tuple[str, ...]]:
    """Read in the rows of groups which groups each is in, without the deleted ones."""
    listed = {layout.id_in(row.key): unpack_ids(row.values) for row in rows if row is not None}
    ids = frozenset(chain.from_iterable(listed.values()))
    deleted = await hidden.group_ids(context, ids) if ids else ids
    return {
        gid: tuple(each for each in groups if each not in deleted) for gid, groups in listed.items()
    }
