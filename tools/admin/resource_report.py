"""What `user show` and `group show` write of a resource, and of one that was deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.admin import console
from tools.admin.feed import as_json as change_as_json
from tools.admin.feed import as_line
from tools.command_line import printable

if TYPE_CHECKING:
    from shared.scim.members import MemberType
    from shared.store.change_history import ChangeHistory
    from shared.store.changes import RecordedChange
    from shared.store.resources import Group, User
    from tools.admin.stats import Number


@dataclass(frozen=True, slots=True)
class Member:
    """The other side of a membership.

    Attributes:
        id: of the group or the member.
        name: its name.
        type: what it is.
        members: of a member that is a group, its own.
        way: of a group that a user is in indirectly, the names of the groups between.
    """

    id: str
    name: str
    type: MemberType
    members: list[Member] = field(default_factory=list)
    way: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is shown of a resource that is gone: its id, and its history with its deletion."""

    tenant: str
    id: str
    deletion: RecordedChange
    history: ChangeHistory


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a resource."""

    tenant: str
    resource: User | Group
    memberships: Number
    members: list[Member]
    history: ChangeHistory | None


def show(shown: Shown | Deleted, name: str, side: str, *, as_json: bool) -> None:
    """Write what was found.

    Args:
        shown: a resource, or what is known of a deleted one.
        name: the attribute that names it.
        side: `groups` or `members`: what its memberships are called.
        as_json: write JSON instead of text.
    """
    if as_json:
        console.show_json(
            _deleted_as_json(shown, side) if isinstance(shown, Deleted) else _as_json(shown, side)
        )
    elif isinstance(shown, Deleted):
        _show_deleted(shown)
    else:
        _show_present(shown, name, side)


def _show_deleted(shown: Deleted) -> None:
    deletion = shown.deletion
    console.show_fields(
        {
            "id": shown.id,
            "deleted": console.time_of_milliseconds(deletion.time),
            "by": deletion.actor,
            "request": deletion.request_id,
            "tenant": shown.tenant,
        }
    )
    _show_history(shown.history)


def _show_present(shown: Shown, name: str, side: str) -> None:
    resource = shown.resource
    document = resource.document
    console.show_fields(
        {
            "id": resource.id,
            name: document[name],
            **{key: _text(value) for key, value in document.items() if key != name},
            "created": resource.created,
            "modified": resource.modified,
            "version": resource.version,
            "tenant": shown.tenant,
        }
    )
    console.show_line("")
    console.show_line(f"{side}: {_number(shown.memberships)}")
    for member in shown.members:
        _show_member(member, "  ", side)
    more = shown.memberships.least - sum(not member.way for member in shown.members)
    if more > 0:
        console.show_line(f"  and {more:,} more (--list shows up to 1,000, --json too)")
    if shown.history is not None:
        _show_history(shown.history)


def _show_member(member: Member, indent: str, side: str) -> None:
    """Write a group of a user and by which way it is in it, or a member with those below it."""
    note = f"  by {' > '.join(member.way)}" if member.way else ""
    if side == "members" and member.type == "Group":
        note = "  (group)"
    console.show_line(f"{indent}{member.id}  {printable(f'{member.name}{note}')}")
    for each in member.members:
        _show_member(each, f"{indent}  ", side)


def _member_as_json(member: Member, side: str) -> dict[str, Any]:
    written: dict[str, Any] = {"id": member.id, "name": member.name}
    if side == "groups":
        return {**written, "type": "indirect" if member.way else "direct", "by": list(member.way)}
    below = [_member_as_json(each, side) for each in member.members]
    return {**written, "type": member.type, "members": below}


def _show_history(history: ChangeHistory) -> None:
    since = console.time_of_milliseconds(history.since)
    note = "" if history.is_whole else ", no farther: --scan-rows was reached"
    console.show_line("")
    console.show_line(f"history: {len(history.changes)}, complete since {since}{note}")
    for change in history.changes:
        console.show_line(f"  {as_line(change)}")


def _as_json(shown: Shown, side: str) -> dict[str, Any]:
    resource, history = shown.resource, shown.history
    return {
        "tenant": shown.tenant,
        "id": resource.id,
        "deleted": None,
        "version": resource.version,
        "created": resource.created,
        "modified": resource.modified,
        "attributes": resource.document,
        side: {
            "at_least": shown.memberships.least,
            "exact": shown.memberships.is_exact,
            "listed": [_member_as_json(each, side) for each in shown.members],
        },
        "history": None if history is None else _history_as_json(shown.tenant, history),
    }


def _deleted_as_json(shown: Deleted, side: str) -> dict[str, Any]:
    deletion = shown.deletion
    gone = ("version", "created", "modified", "attributes", side)
    return {
        "tenant": shown.tenant,
        "id": shown.id,
        "deleted": {
            "time": console.time_of_milliseconds(deletion.time),
            "token": deletion.actor,
            "request": deletion.request_id,
        },
        **dict.fromkeys(gone),
        "history": _history_as_json(shown.tenant, shown.history),
    }


def _history_as_json(tenant: str, history: ChangeHistory) -> dict[str, Any]:
    return {
        "complete_since": console.time_of_milliseconds(history.since),
        "complete": history.is_whole,
        "changes": [change_as_json(tenant, each) for each in history.changes],
    }


def _text(value: Any) -> str:
    """Write the value of an attribute on one line."""
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(each)}" for key, each in value.items())
    if isinstance(value, list):
        return " | ".join(_text(each) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(number: Number) -> str:
    return f"{number.least:,}{'' if number.is_exact else ' or more'}"
