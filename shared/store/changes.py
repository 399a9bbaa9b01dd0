"""Change rows: the receipt of a transaction, the audit trail, and the feed of what has changed."""

import json
from dataclasses import dataclass
from typing import Any, Literal, cast

from shared.store import layout
from shared.store.layout import Column
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row, Value, Values

Verb = Literal["create", "update", "delete", "members", "sweep", "void"]
MemberVersion = tuple[str, int]
"""A user's id and that user's new version."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction did; never a value of an attribute.

    Attributes:
        resource: name of the resource type: `User`, `Group`, or that of a custom type.
        id: id of the resource.
        verb: `members` changes only memberships; `sweep` takes a deleted resource's rows away;
            `void` did nothing: it keeps a transaction whose outcome was unknown from being
            committed late.
        names: names of the attributes that changed.
        version: new version of the resource; None for a group, whose version is that of its row.
        added: users that became members, each with its new version.
        removed: users that left, each with its new version.
        skipped: ids that were named as members and are no users.
        left: groups that a deleted user was in.
    """

    resource: str
    id: str
    verb: Verb
    names: tuple[str, ...] = ()
    version: int | None = None
    added: tuple[MemberVersion, ...] = ()
    removed: tuple[MemberVersion, ...] = ()
    skipped: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def values(self, context: RequestContext, transaction: int) -> dict[str, Value]:
        """Lay the change out as the properties of its row; empty lists are left out.

        Args:
            context: the request.
            transaction: number of the transaction within the request.
        """
        values: dict[str, Value] = {
            Column.RESOURCE_TYPE: self.resource,
            Column.RESOURCE_ID: self.id,
            Column.VERB: self.verb,
            Column.ACTOR: context.actor,
            Column.REQUEST_ID: context.request_id,
            Column.TRANSACTION: transaction,
        }
        if self.version is not None:
            values[Column.VERSION] = self.version
        lists = {
            Column.ATTRIBUTES: self.names,
            Column.ADDED: self.added,
            Column.REMOVED: self.removed,
            Column.SKIPPED: self.skipped,
            Column.LEFT: self.left,
        }
        for name, items in lists.items():
            if items:
                values[name] = json.dumps(items, separators=(",", ":"))
        return values


_OF_A_VOID = (
    Column.RESOURCE_TYPE,
    Column.RESOURCE_ID,
    Column.ACTOR,
    Column.REQUEST_ID,
    Column.TRANSACTION,
)


def void_values(receipt: Values) -> dict[str, Value]:
    """Lay out the row that takes the place of a change row: whose it would have been, and `void`.

    Args:
        receipt: the properties of that change row.
    """
    return {Column.VERB: "void", **{name: receipt[name] for name in _OF_A_VOID}}


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """A change row, read back.

    Attributes:
        key: its row key, unique in the tenant.
        time: when the key was drawn, just before the commit, in POSIX milliseconds.
        actor: label of the token that authorised the request.
        request_id: names the request in the log.
        change: what was done.
    """

    key: str
    time: int
    actor: str
    request_id: str
    change: Change


def recorded(row: Row) -> RecordedChange:
    """Read a change row as `Change.values` wrote it."""
    values = row.values
    version = values.get(Column.VERSION)
    change = Change(
        resource=str(values[Column.RESOURCE_TYPE]),
        id=str(values[Column.RESOURCE_ID]),
        verb=cast("Verb", values[Column.VERB]),
        names=tuple(_list(row, Column.ATTRIBUTES)),
        version=None if version is None else int(version),
        added=tuple((uid, v) for uid, v in _list(row, Column.ADDED)),
        removed=tuple((uid, v) for uid, v in _list(row, Column.REMOVED)),
        skipped=tuple(_list(row, Column.SKIPPED)),
        left=tuple(_list(row, Column.LEFT)),
    )
    time = layout.change_time(row.key)
    return RecordedChange(
        row.key, time, str(values[Column.ACTOR]), str(values[Column.REQUEST_ID]), change
    )


def _list(row: Row, name: str) -> list[Any]:
    items: list[Any] = json.loads(str(row.values.get(name, "[]")))
    return items
