"""Change rows: the receipt of a transaction, the audit trail, and the feed of what has changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from shared.store import layout
from shared.store.layout import Column
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row, Value, Values

Verb = Literal[
    "create",
    "update",
    "delete",
    "members",
    "sweep",
    "settings",
    "roles",
    "hold",
    "release",
    "undo",
    "void",
]
SETUP_LINK = "SetupLink"
SECRET_TOKEN = "SecretToken"  # noqa: S105 - the name of what was changed, not a token
WEBHOOK_ENDPOINT = "WebhookEndpoint"
ADMINISTRATIVE = frozenset({SETUP_LINK, SECRET_TOKEN, WEBHOOK_ENDPOINT})
"""In the place of a resource type: what the portal and `/api/v1` change, and no client of SCIM
sees."""

GUARD = "Guard"
"""The same: what the guard against mass removal has done."""

MemberVersion = tuple[str, int | None]
"""A member's id and, of a user, its new version; a group has none, and that tells the two apart."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction did; of values only those that say who may come in, and who has gone.

    Attributes:
        resource: name of the resource type: `User`, `Group`, or that of a custom type; `Tenant`
            for the settings of the tenant; `GUARD`; or one of `ADMINISTRATIVE`.
        id: id of the resource; of a tenant its name.
        verb: `members` changes only memberships; `sweep` takes a deleted resource's rows away;
            `settings` changes those of the tenant; `roles` changes nothing of the user, whose
            roles are others by a new role map;
            `hold` holds removals back, `release` and `undo` decide about them;
            `void` did nothing: it keeps a transaction whose outcome was unknown from being
            committed late.
        names: names of the attributes that changed.
        version: new version of the resource; None for a group, whose version is that of its row.
        added: users and groups that became members, each user with its new version.
        removed: users and groups that left, likewise.
        skipped: ids that were named as members and are neither.
        left: groups that a deleted user or group was in.
        active: whether a user is active now, where that changed or the user is new; else None.
        external_id: externalId of what was deleted, since nobody can look it up any more; None
            where it had none, and for everything else.
        released: names and addresses by which the resource was found and is no more, as
            `layout.value_mark` has them: whoever asks for one of them can be told what became of
            it, and nobody can read it there. Of a user who was deleted each has a row besides
            (`shared/store/deleted_users.py`), which expires with this one.
        numbers: of a hold, how many users are concerned; else None.
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
    active: bool | None = None
    external_id: str | None = None
    released: tuple[str, ...] = ()
    numbers: Mapping[str, Any] | None = None

    @property
    def removes_users(self) -> bool:
        """Whether users are disabled or deleted by it, or taken out of a group."""
        if self.resource == "User":
            return self.verb == "delete" or (self.active is False and self.verb != "create")
        return bool(self.removed) and self.verb != "sweep"

    def values(self, context: RequestContext, transaction: int) -> dict[str, Value]:
        """Lay the change out as the properties of its row; what is empty is left out.

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
        single = {
            Column.METHOD: context.method or None,
            Column.POSITION: context.position,
            Column.CLIENT_REQUEST_ID: context.client_request_id or None,
            Column.VERSION: self.version,
            Column.ACTIVE: None if self.active is None else int(self.active),
            Column.EXTERNAL_ID: self.external_id,
            Column.NUMBERS: None if self.numbers is None else json.dumps(self.numbers),
        }
        values |= {name: value for name, value in single.items() if value is not None}
        lists = {
            Column.ATTRIBUTES: self.names,
            Column.ADDED: self.added,
            Column.REMOVED: self.removed,
            Column.SKIPPED: self.skipped,
            Column.LEFT: self.left,
            Column.RELEASED: self.released,
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
        method: HTTP method of the request, or `sweep`, or `admin`; "" in a row of the first form.
        position: index of the operation in its bulk request; None outside of one.
        client_request_id: the identity provider's own id of the request; "" where it sent none.
        held: id of the hold by which it is told later, by another row; "" for none.
        retold: the end of the key of the row that this one tells again, of whose time it is; ""
            for none.
    """

    key: str
    time: int
    actor: str
    request_id: str
    change: Change
    method: str = ""
    position: int | None = None
    client_request_id: str = ""
    held: str = ""
    retold: str = ""

    @property
    def number(self) -> str:
        """The end of the key of its row, or of the row that it tells again."""
        return self.retold or layout.id_in(self.key)


def recorded(row: Row) -> RecordedChange:
    """Read a change row as `Change.values` wrote it, now or in the first form.

    A row of the first form has no method, position, `active` and externalId.
    """
    values = row.values
    active, external_id = values.get(Column.ACTIVE), values.get(Column.EXTERNAL_ID)
    numbers = values.get(Column.NUMBERS)
    retold = str(values.get(Column.ORIGINAL, ""))
    change = Change(
        resource=str(values[Column.RESOURCE_TYPE]),
        id=str(values[Column.RESOURCE_ID]),
        verb=cast("Verb", values[Column.VERB]),
        names=tuple(_list(row, Column.ATTRIBUTES)),
        version=_number(values.get(Column.VERSION)),
        added=tuple((member, v) for member, v in _list(row, Column.ADDED)),
        removed=tuple((member, v) for member, v in _list(row, Column.REMOVED)),
        skipped=tuple(_list(row, Column.SKIPPED)),
        left=tuple(_list(row, Column.LEFT)),
        active=None if active is None else bool(active),
        external_id=None if external_id is None else str(external_id),
        released=tuple(_list(row, Column.RELEASED)),
        numbers=None if numbers is None else json.loads(str(numbers)),
    )
    return RecordedChange(
        key=row.key,
        time=layout.change_time(retold or row.key),
        actor=str(values[Column.ACTOR]),
        request_id=str(values[Column.REQUEST_ID]),
        change=change,
        method=str(values.get(Column.METHOD, "")),
        position=_number(values.get(Column.POSITION)),
        client_request_id=str(values.get(Column.CLIENT_REQUEST_ID, "")),
        held=str(values.get(Column.HELD, "")),
        retold=retold,
    )


_TOLD_AGAIN = (
    Column.RESOURCE_TYPE,
    Column.RESOURCE_ID,
    Column.VERB,
    Column.ACTOR,
    Column.REQUEST_ID,
    Column.TRANSACTION,
    Column.METHOD,
    Column.POSITION,
    Column.CLIENT_REQUEST_ID,
    Column.VERSION,
    Column.ACTIVE,
    Column.EXTERNAL_ID,
)


def retold_values(row: Row) -> dict[str, Value]:
    """Lay out the row that tells of another one again, of which the removal was held.

    Of a group that is who has left it; the rest was told. What goes with the row when it expires
    stays with the first one.
    """
    is_of_group = row.values[Column.RESOURCE_TYPE] == "Group"
    names = (Column.REMOVED,) if is_of_group else (Column.ATTRIBUTES,)
    kept = {name: row.values[name] for name in (*_TOLD_AGAIN, *names) if name in row.values}
    if is_of_group:
        kept[Column.VERB] = "members"
    return {**kept, Column.ORIGINAL: layout.id_in(row.key)}


def _number(value: Value | None) -> int | None:
    return None if value is None else int(value)


def _list(row: Row, name: str) -> list[Any]:
    text = row.values.get(name)
    # Most lists are absent, and to parse them all takes as long as all the rest of a row.
    items: list[Any] = [] if text is None else json.loads(str(text))
    return items
