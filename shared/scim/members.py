"""Members of a group: what a request changes in the list, apart from all else.

A membership is a row of its own in the store, so the list is never part of a document, and a
request is a delta of member ids however large the group is.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

from shared.errors import InvalidPath, InvalidSyntax, InvalidValue, Mutability, ScimError
from shared.scim.core_schemas import GROUP, MEMBERS, USER
from shared.scim.documents import entries
from shared.scim.filters import And, Comparison, Filter, Not, Or
from shared.scim.operations import on_attributes
from shared.scim.schema import VALUE
from shared.scim.spellings import check_spellings
from shared.scim.values import coerce_parts, is_unassigned, unpacked_list

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.scim.operations import AttributeOperation, PatchOperation
    from shared.scim.schema import AttributePath, ResourceType

_ID = re.compile(r"[^\s,;{}\[\]\"']+")
"""What may be an id: several of them, or JSON that went wrong, would name nobody."""

_REF_OF_GROUP = re.compile(r"/Groups/[^/]+/?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What becomes of a list of members.

    If `replace` is set, the list becomes exactly `add`; otherwise it becomes
    (list - `remove`) + `add`.

    Attributes:
        replace: Whether the present list does not count.
        add: Ids of users, each once, in the order of the request.
        remove: Ids of users, each once and none of them in `add`; empty if `replace` is set.
    """

    replace: bool = False
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def check_others(self, group_id: str) -> None:
        """Refuse a group as a member of itself.

        Raises:
            InvalidValue: It would become one.
        """
        if group_id in self.add:
            raise InvalidValue(
                "A group cannot be a member of itself: leave its id out of members.",
                path=MEMBERS.name,
            )


def from_document(body: Any) -> MemberChange:
    """Return what the body of a POST or PUT says of the members.

    A body that does not name `members` leaves the list alone, also in a PUT: to take their absence
    for an empty list has emptied groups of clients that send what they know.

    Raises:
        InvalidSyntax: The body is not an object.
        InvalidValue: `members` is not a list of members.
        Mutability: A key names what the service shows of a member.
    """
    if not isinstance(body, dict):
        raise InvalidSyntax("The body must be a JSON object: the resource.")
    change = MemberChange()
    named = [each for each in entries(GROUP, body) if each[0].attribute is MEMBERS]
    check_spellings(named)
    for path, value in named:
        if path.leaf.name not in {MEMBERS.name, VALUE}:
            raise _not_written(path)
        change = MemberChange(replace=True, add=tuple(_ids(value)))
    return change


def split_members(
    group: ResourceType, operations: Iterable[PatchOperation]
) -> tuple[list[PatchOperation], MemberChange]:
    """Take the members out of a PATCH of a group.

    Args:
        group: The Group type, with its extensions.
        operations: As read by `parse_patch`.

    Returns:
        The operations on everything else, each with the path of one attribute, and what all the
        others together make of the list of members.

    Raises:
        ScimError: An operation was refused; the error bears its index.
    """
    rest: list[PatchOperation] = []
    draft = _Draft()
    for each in on_attributes(group, operations):
        if each.path.target.attribute is not MEMBERS:
            rest.append(each.operation)
            continue
        try:
            draft.apply(each)
        except ScimError as error:
            error.locate(operation=each.operation.index)
            raise
    return rest, draft.change()


class _Draft:
    """The change that the operations so far make. Dictionaries serve as ordered sets."""

    def __init__(self) -> None:
        self._replace = False
        self._add: dict[str, None] = {}
        self._remove: dict[str, None] = {}

    def apply(self, each: AttributeOperation) -> None:
        if each.path.target.sub_attribute is not None:
            raise _not_written(each.path.target)
        if each.path.filter is not None:
            self._remove_selected(_meant(_selected(each.path.filter, each), each.value))
        elif each.is_remove:
            # Entra lists the members to remove; the RFC would take all of them.
            self._remove_selected(
                _Selection(of_others=True)
                if each.value is None
                else _selection_of(_ids(each.value, leaves_groups_out=True))
            )
        else:
            if each.operation.op == "replace":
                self._empty()
            self._add_ids(_ids(each.value))

    def change(self) -> MemberChange:
        return MemberChange(self._replace, tuple(self._add), tuple(self._remove))

    def _empty(self) -> None:
        self._replace = True
        self._add.clear()
        self._remove.clear()

    def _add_ids(self, ids: Iterable[str]) -> None:
        for member in ids:
            self._remove.pop(member, None)
            self._add[member] = None

    def _remove_selected(self, selection: _Selection) -> None:
        if selection.of_others:
            self._empty()
        for member in selection.exceptions:
            self._add.pop(member, None)
            if not self._replace:
                self._remove[member] = None


def _ids(value: Any, *, leaves_groups_out: bool = False) -> list[str]:
    """Return the ids in a list of members, in any shape that clients give it.

    `[{"$ref": null, "value": "<id>"}]`, one such object, `["<id>"]` and `"<id>"`; null, `""` and
    `[]` are an empty list (RFC 7643 section 2.5).

    Args:
        value: What was sent.
        leaves_groups_out: Whether a member that is a group is passed over, since there is none
            that could be removed. Otherwise it is refused.

    Raises:
        InvalidValue: An element names no user, or all of a list that is not empty are null.
    """
    value = unpacked_list(MEMBERS, value, MEMBERS.name)
    if is_unassigned(value):
        return []
    elements = value if isinstance(value, list) else [value]
    members = [_member(element) for element in elements if element is not None]
    if not members:
        raise _no_member()
    if leaves_groups_out:
        members = [member for member in members if not _is_group(member)]
    elif any(map(_is_group, members)):
        raise InvalidValue(
            "A group cannot be a member of a group here: name the users that it has.",
            path=MEMBERS.name,
        )
    return list(dict.fromkeys(member[VALUE] for member in members))


def _member(element: Any) -> dict[str, str]:
    """Return the parts of a member, of which one is the id of a user."""
    if element == "":
        raise _no_member()
    parts = coerce_parts(MEMBERS, element, MEMBERS.name)
    parts[VALUE] = (parts.get(VALUE) or "").strip()
    if not _ID.fullmatch(parts[VALUE]) or _is_number(element):
        raise _no_member()
    return parts


def _is_number(element: Any) -> bool:
    """Tell whether a number stands where an id should, alone or as the `value` of an object."""
    if isinstance(element, dict):
        return any(name.lower() == VALUE and _is_number(part) for name, part in element.items())
    return isinstance(element, int | float)


def _no_member() -> InvalidValue:
    return InvalidValue(
        'A member is an object with the id of a user: {"value": "<id>"}.', path=MEMBERS.name
    )


def _is_group(member: dict[str, str]) -> bool:
    is_so_called = (member.get("type") or "").strip().lower() == GROUP.name.lower()
    return is_so_called or bool(_REF_OF_GROUP.search(member.get("$ref") or ""))


def _not_written(target: AttributePath) -> ScimError:
    """Build the error about a path to a part of a member."""
    if target.leaf.name == VALUE:
        return InvalidPath(
            "The value of a member cannot be changed: remove the member and add another.",
            path=target.text,
        )
    return Mutability(
        f"{target.text} is what the service shows of a member, and is not written.",
        path=target.text,
    )


@dataclass(frozen=True, slots=True)
class _Selection:
    """Which ids a filter on members selects: some, or all but some.

    Attributes:
        of_others: Whether those are selected that are not named.
        exceptions: Those that are selected, in their order, or that are not, if all others are.
    """

    of_others: bool = False
    exceptions: dict[str, None] = field(default_factory=dict)

    def __invert__(self) -> _Selection:
        return _Selection(not self.of_others, self.exceptions)

    def __or__(self, other: _Selection) -> _Selection:
        if self.of_others and other.of_others:
            exceptions = {id_: None for id_ in self.exceptions if id_ in other.exceptions}
        elif self.of_others or other.of_others:
            all_but, some = (self, other) if self.of_others else (other, self)
            exceptions = {id_: None for id_ in all_but.exceptions if id_ not in some.exceptions}
        else:
            exceptions = {**self.exceptions, **other.exceptions}
        return _Selection(self.of_others or other.of_others, exceptions)

    def __and__(self, other: _Selection) -> _Selection:
        return ~(~self | ~other)


def _selection_of(ids: Iterable[str]) -> _Selection:
    return _Selection(exceptions=dict.fromkeys(ids))


def _meant(selection: _Selection, value: Any) -> _Selection:
    """Return whom a remove means that selects by a path and has a value beside it: who is in both.

    Raises:
        InvalidValue: The value names no member.
    """
    if value is None or (is_unassigned(value) and not selection.of_others):
        return selection
    return selection & _selection_of(_ids(value, leaves_groups_out=True))


def _selected(condition: Filter, each: AttributeOperation) -> _Selection:
    """Return the ids that `members[value eq "<id>" or ...]` selects.

    Raises:
        InvalidPath: The filter selects by something else than `value` and `type`, or all members
            but some; or the operation does not remove.
    """
    selection = _selection(condition) if each.is_remove else None
    if selection is None or (selection.of_others and selection.exceptions):
        raise InvalidPath(
            'A filter on members serves to remove them by id: members[value eq "<id>"], several '
            "joined by or. To add members, send them as the value of the path members.",
            path=MEMBERS.name,
        )
    return selection


def _selection(condition: Filter) -> _Selection | None:
    """Return what a filter selects; None where only a look at every member could tell."""
    match condition:
        case Comparison(path=path) if path.leaf.name == "type":
            return _Selection(of_others=condition.holds([USER.name]))
        case Comparison(operator="pr", path=path) if path.leaf.name == VALUE:
            return _Selection(of_others=True)
        case Comparison(operator="eq" | "ne", value=str(value), path=path) if (
            path.leaf.name == VALUE and value.strip()
        ):
            if not _ID.fullmatch(value.strip()):
                raise InvalidPath(
                    "A literal that members are selected by is no id: it has a blank, a comma, a "
                    "quote or a bracket in it. Select by one id, and join several terms by or.",
                    path=MEMBERS.name,
                )
            selection = _selection_of([value.strip()])
            return selection if condition.operator == "eq" else ~selection
        case Not():
            inner = _selection(condition.filter)
            return None if inner is None else ~inner
        case And() | Or():
            parts = [_selection(part) for part in condition.filters]
            known = [part for part in parts if part is not None]
            combine = operator.and_ if isinstance(condition, And) else operator.or_
            return reduce(combine, known) if len(known) == len(parts) else None
        case _:
            return None
