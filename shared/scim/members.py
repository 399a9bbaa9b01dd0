"""Members of a group: what a request changes in the list, apart from all else.

A membership is a row of its own in the store, so the list is never part of a document, and a
request is a delta of member ids however large the group is.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from shared.errors import InvalidPath, InvalidSyntax, InvalidValue, Mutability, ScimError
from shared.scim.core_schemas import GROUP, MEMBERS
from shared.scim.documents import entries
from shared.scim.filters import And, Comparison, Filter, Not, Or
from shared.scim.operations import on_attributes
from shared.scim.schema import VALUE
from shared.scim.spellings import check_spellings
from shared.scim.values import coerce_parts, is_unassigned, unpacked_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.scim.operations import AttributeOperation, PatchOperation
    from shared.scim.schema import AttributePath, ResourceType

_ID = re.compile(r"[^\s,;{}\[\]\"']+")
"""What may be an id: several of them, or JSON that went wrong, would name nobody."""

_TYPE_IN_REF = re.compile(r"/(User|Group)s/[^/]+/?", re.IGNORECASE)

MemberType = Literal["User", "Group"]
"""What a member is (RFC 7643 section 4.2)."""

MEMBER_TYPES: tuple[MemberType, ...] = ("User", "Group")

_TYPES_BY_NAME: dict[str, MemberType] = {name.lower(): name for name in MEMBER_TYPES}


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What becomes of a list of members.

    If `replace` is set, the list becomes exactly `add`; otherwise it becomes
    (list - `remove`) + `add`. Which of the ids are those of users and which of groups is for the
    store to find out.

    Attributes:
        replace: Whether the present list does not count.
        add: Ids of members, each once, in the order of the request.
        remove: Ids of members, each once and none of them in `add`; empty if `replace` is set.
        types: What the request says that some of the ids are, by `type` or by `$ref`.
        groups: What becomes of those that are groups, where it is something else: a path selects
            by `type`.
    """

    replace: bool = False
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    types: Mapping[str, MemberType] = field(default_factory=lambda: MappingProxyType({}))
    groups: MemberChange | None = None

    def of(self, member_type: MemberType) -> MemberChange:
        """Return what becomes of the members of one type."""
        return self.groups if self.groups is not None and member_type == "Group" else self

    @property
    def replaces(self) -> bool:
        """Whether the present members of some type do not count."""
        return any(self.of(each).replace for each in MEMBER_TYPES)

    def check_others(self, group_id: str) -> None:
        """Refuse a group as a member of itself.

        Raises:
            InvalidValue: It would become one.
        """
        if group_id in self.of("Group").add:
            raise InvalidValue(
                "A group cannot be a member of itself: leave its id out of members.",
                path=MEMBERS.name,
            )

    def check_type(self, member_id: str, member_type: MemberType) -> None:
        """Refuse a request that calls a member something else than it is.

        Raises:
            InvalidValue: It says so.
        """
        declared = self.types.get(member_id, member_type)
        if declared != member_type:
            raise contradicts(member_id, declared, member_type)


def contradicts(member_id: str, declared: MemberType, member_type: MemberType) -> InvalidValue:
    """Build the error about a member whose `type` or `$ref` is not that of its id."""
    return InvalidValue(
        f"{member_id[:64]!r} is a {member_type.lower()} here, and the request calls it a "
        f"{declared.lower()}: correct its type and $ref, or leave them out.",
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
        members = _members(value)
        change = MemberChange(replace=True, add=tuple(members), types=_declared(members))
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


class _ListDraft:
    """The change of the members of one type. Dictionaries serve as ordered sets."""

    def __init__(self) -> None:
        self.replace = False
        self.added: dict[str, None] = {}
        self.removed: dict[str, None] = {}

    def empty(self) -> None:
        self.replace = True
        self.added.clear()
        self.removed.clear()

    def add(self, ids: Iterable[str]) -> None:
        for member in ids:
            self.removed.pop(member, None)
            self.added[member] = None

    def remove(self, selection: _Selection) -> None:
        if selection.of_others:
            self.empty()
        for member in selection.exceptions:
            self.added.pop(member, None)
            if not self.replace:
                self.removed[member] = None

    def change(self) -> MemberChange:
        return MemberChange(self.replace, tuple(self.added), tuple(self.removed))


class _Draft:
    """The change that the operations so far make, of users and of groups."""

    def __init__(self) -> None:
        self._lists = {each: _ListDraft() for each in MEMBER_TYPES}
        self._types: dict[str, MemberType | None] = {}

    def apply(self, each: AttributeOperation) -> None:
        if each.path.target.sub_attribute is not None:
            raise _not_written(each.path.target)
        if each.path.filter is not None:
            selections = _selected(each.path.filter, each)
            for member_type, draft in self._lists.items():
                draft.remove(self._meant(selections[member_type], each.value))
        elif each.is_remove:
            # Entra lists the members to remove; the RFC would take all of them.
            everyone = each.value is None
            selection = _Selection(of_others=True) if everyone else self._named(each.value)
            for draft in self._lists.values():
                draft.remove(selection)
        else:
            named = self._named(each.value)
            for draft in self._lists.values():
                if each.operation.op == "replace":
                    draft.empty()
                draft.add(named.exceptions)

    def change(self) -> MemberChange:
        users, groups = (self._lists[each].change() for each in MEMBER_TYPES)
        other = groups if groups != users else None
        return replace(users, types=_declared(self._types), groups=other)

    def _named(self, value: Any) -> _Selection:
        """Return the members that a value lists, and note what it says that they are."""
        members = _members(value)
        for member, declared in members.items():
            _note_type(self._types, member, declared)
        return _selection_of(members)

    def _meant(self, selection: _Selection, value: Any) -> _Selection:
        """Return whom a remove means that has a filter and a value beside it: who is in both.

        Raises:
            InvalidValue: The value names no member.
        """
        if value is None or (is_unassigned(value) and not selection.of_others):
            return selection
        return selection & self._named(value)


def _members(value: Any) -> dict[str, MemberType | None]:
    """Return the ids in a list of members, in any shape that clients give it.

    `[{"$ref": null, "value": "<id>"}]`, one such object, `["<id>"]` and `"<id>"`; null, `""` and
    `[]` are an empty list (RFC 7643 section 2.5).

    Returns:
        Each id, in the order of the list, with what it is said to be, if that is said.

    Raises:
        InvalidValue: An element names no member, all of a list that is not empty are null, or what
            a member is said to be is no type of members or contradicts itself.
    """
    value = unpacked_list(MEMBERS, value, MEMBERS.name)
    if is_unassigned(value):
        return {}
    elements = value if isinstance(value, list) else [value]
    members: dict[str, MemberType | None] = {}
    for element in elements:
        if element is not None:
            parts = _member(element)
            _note_type(members, parts[VALUE], _type_of(parts))
    if not members:
        raise _no_member()
    return members


def _note_type(
    members: dict[str, MemberType | None], member: str, declared: MemberType | None
) -> None:
    """Note a member with what it is said to be, once more perhaps."""
    known = members.get(member)
    if known is not None and declared is not None and known != declared:
        raise _two_types()
    members[member] = declared or known


def _declared(members: Mapping[str, MemberType | None]) -> Mapping[str, MemberType]:
    return {member: declared for member, declared in members.items() if declared is not None}


def _member(element: Any) -> dict[str, str]:
    """Return the parts of a member, of which one is its id."""
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
        'A member is an object with the id of a user or a group: {"value": "<id>"}.',
        path=MEMBERS.name,
    )


def _two_types() -> InvalidValue:
    return InvalidValue(
        "A member is a user or a group: its type and its $ref must say the same wherever they "
        "stand.",
        path=MEMBERS.name,
    )


def _type_of(member: dict[str, str]) -> MemberType | None:
    """Return what a member is said to be, by its `type` or its `$ref`."""
    name = (member.get("type") or "").strip().lower()
    if name and name not in _TYPES_BY_NAME:
        raise InvalidValue(
            "The type of a member is User or Group: correct it, or leave it out.",
            path=f"{MEMBERS.name}.type",
        )
    of_ref = _TYPE_IN_REF.search(member.get("$ref") or "")
    types = {_TYPES_BY_NAME[each] for each in (name, of_ref[1].lower() if of_ref else "") if each}
    if len(types) > 1:
        raise _two_types()
    return next(iter(types), None)


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


def _selected(condition: Filter, each: AttributeOperation) -> dict[MemberType, _Selection]:
    """Return which users and which groups `members[value eq "<id>" or ...]` selects.

    Raises:
        InvalidPath: The filter selects by something else than `value` and `type`, or all members
            but some; or the operation does not remove.
    """
    selected: dict[MemberType, _Selection] = {}
    for member_type in MEMBER_TYPES:
        selection = _selection(condition, member_type) if each.is_remove else None
        if selection is None or (selection.of_others and selection.exceptions):
            raise InvalidPath(
                'A filter on members serves to remove them by id: members[value eq "<id>"], '
                "several joined by or, or by type. To add members, send them as the value of the "
                "path members.",
                path=MEMBERS.name,
            )
        selected[member_type] = selection
    return selected


def _selection(condition: Filter, member_type: MemberType) -> _Selection | None:
    """Return which members of a type a filter selects; None where only a look at each could tell.

    Args:
        condition: The filter.
        member_type: The type of the members in question.
    """
    match condition:
        case Comparison(path=path) if path.leaf.name == "type":
            return _Selection(of_others=condition.holds([member_type]))
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
            inner = _selection(condition.filter, member_type)
            return None if inner is None else ~inner
        case And() | Or():
            parts = [_selection(part, member_type) for part in condition.filters]
            known = [part for part in parts if part is not None]
            combine = operator.and_ if isinstance(condition, And) else operator.or_
            return reduce(combine, known) if len(known) == len(parts) else None
        case _:
            return None
