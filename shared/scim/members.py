"""Members of a group: what a request changes in the list, apart from all else.

A membership is a row of its own in the store, so the list is never part of a document, and a
request is a delta of member ids however large the group is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.errors import InvalidPath, InvalidSyntax, InvalidValue, ScimError
from shared.scim.core_schemas import GROUP
from shared.scim.filters import Comparison, Filter, Or
from shared.scim.operations import flatten
from shared.scim.paths import parse_path
from shared.scim.schema import Attribute
from shared.scim.values import coerce

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.scim.operations import PatchOperation
    from shared.scim.paths import PatchPath
    from shared.scim.schema import AttributePath, Document, ResourceType

_MEMBERS = "members"
_MEMBER_ID = Attribute("value")


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What becomes of a list of members.

    If `replace` is set, the list becomes exactly `add`; otherwise it becomes
    (list - `remove`) + `add`.

    Attributes:
        replace: Whether the present list is dropped.
        add: Ids of users, each once, in the order of the request.
        remove: Ids of users, each once and none of them in `add`; empty if `replace` is set.
    """

    replace: bool = False
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the list stays as it is."""
        return not (self.replace or self.add or self.remove)


def from_document(body: Any) -> MemberChange:
    """Return what the body of a POST or PUT says of the members.

    A body that does not name `members` leaves the list alone, also in a PUT: to take their absence
    for an empty list has emptied groups of clients that send what they know.

    Raises:
        InvalidSyntax: The body is not an object.
        InvalidValue: `members` is not a list of members.
    """
    if not isinstance(body, dict):
        raise InvalidSyntax("The body must be a JSON object: the resource.")
    change = MemberChange()
    for name, value in _entries(body):
        if _is_members(GROUP.find(name)):
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
    for operation in flatten(group, operations):
        try:
            path = parse_path(operation.path, group)
            if path is not None and _is_members(path.target):
                draft.apply(path, operation)
            else:
                rest.append(operation)
        except ScimError as error:
            error.locate(operation=operation.index)
            raise
    return rest, draft.change()


class _Draft:
    """The change that the operations so far make. Dictionaries serve as ordered sets."""

    def __init__(self) -> None:
        self._replace = False
        self._add: dict[str, None] = {}
        self._remove: dict[str, None] = {}

    def apply(self, path: PatchPath, operation: PatchOperation) -> None:
        if path.target.sub_attribute is not None:
            _check_part(path.target)
        elif path.filter is not None:
            self._remove_ids(_selected(path.filter, operation))
        elif operation.op == "remove" and operation.value is not None:
            # Entra lists the members to remove; the RFC would take all of them.
            self._remove_ids(_ids(operation.value))
        else:
            if operation.op != "add":
                self._empty()
            self._add_ids(_ids(operation.value))

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

    def _remove_ids(self, ids: Iterable[str]) -> None:
        for member in ids:
            self._add.pop(member, None)
            if not self._replace:
                self._remove[member] = None


def _is_members(path: AttributePath | None) -> bool:
    return path is not None and path.attribute.name == _MEMBERS


def _entries(body: Document) -> Iterable[tuple[str, Any]]:
    """Yield the attributes of a body, also of one that holds them under the URN of the schema."""
    for name, value in body.items():
        if GROUP.schema_of(name) is not None and isinstance(value, dict):
            yield from value.items()
        else:
            yield name, value


def _ids(value: Any) -> list[str]:
    """Return the ids in a list of members, in any shape that clients give it.

    `[{"$ref": null, "value": "<id>"}]`, one such object, `["<id>"]` and `"<id>"`; None is an empty
    list (RFC 7643 section 2.5).
    """
    if value is None:
        return []
    elements = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(_id(element) for element in elements if element is not None))


def _id(element: Any) -> str:
    if isinstance(element, dict):
        values = (part for name, part in element.items() if name.lower() == "value")
        element = next(values, None)
    member: str = (coerce(_MEMBER_ID, element, _MEMBERS) or "").strip()
    if not member:
        raise InvalidValue(
            'A member is an object with the id of a user: {"value": "<id>"}.', path=_MEMBERS
        )
    return member


def _check_part(target: AttributePath) -> None:
    """Pass over what a member shows besides its id, as it is not kept.

    Raises:
        InvalidPath: It is the id: to change it is to remove one member and add another.
    """
    if target.leaf.name == "value":
        raise InvalidPath(
            "The value of a member cannot be changed: remove the member and add another.",
            path=target.text,
        )


def _selected(condition: Filter, operation: PatchOperation) -> list[str]:
    """Return the ids that `members[value eq "<id>" or ...]` names.

    Raises:
        InvalidPath: The filter is another one, or the operation does not remove.
    """
    terms = condition.filters if isinstance(condition, Or) else (condition,)
    ids = [
        term.value.strip()
        for term in terms
        if isinstance(term, Comparison)
        and term.path.text == "value"
        and term.operator == "eq"
        and isinstance(term.value, str)
        and term.value.strip()
    ]
    if operation.op != "remove" or len(ids) < len(terms):
        raise InvalidPath(
            'A filter on members serves to remove them by id: members[value eq "<id>"], several '
            "joined by or. To add members, send them as the value of the path members.",
            path=_MEMBERS,
        )
    return ids
