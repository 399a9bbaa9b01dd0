"""PATCH: operations turn one document into another (RFC 7644 section 3.5.2).

Every client's dialect is one dialect here. Where the RFC and Microsoft Entra ID differ, the rule
that keeps Entra's data is followed, and named where it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from shared.errors import Mutability, NoTarget, PayloadTooLarge, ScimError
from shared.scim.documents import hold_immutable, missing, put, refusal, with_defaults
from shared.scim.filters import And, Comparison, Filter, Unknown, matches
from shared.scim.folding import fold
from shared.scim.operations import flatten
from shared.scim.paths import parse_path
from shared.scim.values import (
    assemble,
    check_count,
    coerce,
    coerce_parts,
    is_primary,
    is_unassigned,
    single,
    with_one_primary,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.scim.operations import PatchOperation
    from shared.scim.paths import PatchPath
    from shared.scim.schema import Attribute, AttributePath, Document, ResourceType

Elements: TypeAlias = list[Any]

MAX_EFFORT = 5_000_000
"""What one request may cost, in units of about 0.1 us: half a second, in which nobody else is
served. The largest requests that are known stay below a hundredth of it."""

_EDIT_EFFORT = 50
"""Of an operation without a filter, for each element that it looks at."""

_FOLDED_CHARACTERS = 10
"""Characters beyond ASCII that take as long to fold as an element does otherwise."""


def apply(
    resource_type: ResourceType, document: Document, operations: Iterable[PatchOperation]
) -> Document:
    """Return the document after the operations, applied in order: all of them, or none.

    Attributes that are unknown, `readOnly` or kept elsewhere are passed over. Members of a group
    are taken out beforehand (`split_members`).

    Args:
        resource_type: Type of the resource.
        document: Its stored document, which stays as it is.
        operations: As read by `parse_patch`.

    Raises:
        ScimError: An operation was refused; the error bears its index and, where there is one,
            the attribute path.
    """
    changed = document
    written: dict[str, int] = {}
    effort = 0
    for operation in flatten(resource_type, operations):
        try:
            path = parse_path(operation.path, resource_type)
            if path is not None and path.target.is_writable:
                effort += _effort(changed, path, operation)
                _check_effort(effort)
                edited = _edited(changed, path, operation)
                edited = hold_immutable(resource_type, edited, changed, is_patch=True)
                # What is removed by name is gone, whatever default it once had.
                before = edited if operation.op == "remove" else changed
                changed = with_defaults(resource_type, edited, before)
                written[path.target.whole] = operation.index
        except ScimError as error:
            error.locate(operation=operation.index)
            raise
    _check_required(resource_type, document, changed, written)
    return changed


def _check_required(
    resource_type: ResourceType, before: Document, after: Document, written: dict[str, int]
) -> None:
    """Refuse a change by which something required goes missing.

    What was missing already is not held against the change: a user who was created before an
    attribute became required can still be disabled.
    """
    known = frozenset(missing(resource_type, before))
    for path in missing(resource_type, after):
        if path not in known:
            error = _refusal(resource_type, path, before, after)
            indices = (
                index for whole, index in written.items() if f"{path}.".startswith(f"{whole}.")
            )
            error.locate(operation=max(indices, default=None))
            raise error


def _refusal(
    resource_type: ResourceType, path: str, before: Document, after: Document
) -> ScimError:
    """Tell what was unassigned (RFC 7644 section 3.5.2.2) from what has no value yet, or a bad one.

    Of a sub-attribute, which may lack in one of several values, only the latter is said.
    """
    found = resource_type.find(path)
    is_part = found is not None and found.sub_attribute is not None
    had, has = (
        document.get(path) if found is None else found.read(document)
        for document in (before, after)
    )
    if is_part or had is None or has is not None:
        return refusal(path)
    return Mutability(f"{path} is required and cannot be unassigned: replace its value.", path=path)


def _effort(document: Document, path: PatchPath, operation: PatchOperation) -> int:
    """Estimate what an operation costs: it looks at every element, with every term of a filter."""
    per_element = _EDIT_EFFORT if path.filter is None else len(operation.path)
    elements = path.target.read(document) if path.target.attribute.multi_valued else None
    return per_element * (1 + sum(map(_weight, elements or ())))


def _weight(element: Any) -> int:
    parts = element.values() if isinstance(element, dict) else (element,)
    folded = sum(len(part) for part in parts if isinstance(part, str) and not part.isascii())
    return 1 + folded // _FOLDED_CHARACTERS


def _check_effort(effort: int) -> None:
    """Refuse a request whose operations would keep the process from serving others."""
    if effort > MAX_EFFORT:
        raise PayloadTooLarge(
            "The operations look at too many values: send them in several requests."
        )


def _edited(document: Document, path: PatchPath, operation: PatchOperation) -> Document:
    target, value = path.target, operation.value
    current = target.read(document)
    edited: Any
    if target.attribute.multi_valued:
        edited = _edited_elements(current or [], path, operation) or None
    elif target.attribute.type == "complex":
        edited = _edited_object(current or {}, target, operation)
    else:
        edited = None if operation.op == "remove" else coerce(target.attribute, value, target.text)
    return put(document, target, edited)


def _edited_object(
    current: Document, target: AttributePath, operation: PatchOperation
) -> Document | None:
    """Return a complex value with the parts that are named; the others stay (3.5.2.3)."""
    value = operation.value
    if target.sub_attribute is not None:
        value = {target.sub_attribute.name: None if operation.op == "remove" else value}
    elif operation.op == "remove" or (
        is_unassigned(value) and not (operation.op == "add" and value == {})
    ):
        return None
    parts = coerce_parts(target.attribute, value, target.whole)
    if parts.get("value") not in {None, current.get("value")}:
        # A reference to someone else: the old `$ref` would contradict the new `value`.
        current = {}
    return assemble({**current, **parts})


def _edited_elements(current: Elements, path: PatchPath, operation: PatchOperation) -> Elements:
    target = path.target
    if operation.op == "remove":
        edited = _without(current, path, operation.value)
    elif path.filter is not None or target.sub_attribute is not None:
        edited = _with_parts(current, path, operation)
    elif operation.op == "add":
        edited = _with_added(current, target, operation.value)
    else:
        edited = coerce(target.attribute, operation.value, target.text) or []
    return _last_primary(current, edited)


def _without(current: Elements, path: PatchPath, value: Any) -> Elements:
    """Return what a remove leaves.

    Entra lists the values to remove beside the bare path; the RFC would take that as a removal of
    all of them. A remove of something that is not there succeeds.
    """
    attribute, sub = path.target.attribute, path.target.sub_attribute
    if sub is not None:
        return _rewritten(current, _chosen(current, path), {sub.name: None})
    if path.filter is not None:
        chosen = _chosen(current, path)
        return [element for element in current if id(element) not in chosen]
    if value is None:
        return []
    listed = _Places(attribute, coerce(attribute, value, path.target.text) or [])
    return [element for element in current if listed.find(element) is None]


def _with_parts(current: Elements, path: PatchPath, operation: PatchOperation) -> Elements:
    """Return the elements with parts of the chosen ones written.

    If there is no such element, one is made of what the filter says of it, where RFC 7644 section
    3.5.2.3 has an error: Entra replaces `emails[type eq "work"].value` of users who have none, and
    names the parts of one new address in several operations.
    """
    target, chosen = path.target, _chosen(current, path)
    value = operation.value
    if target.sub_attribute is not None:
        value = {target.sub_attribute.name: value}
    elif is_unassigned(value):
        is_clear = operation.op == "replace"
        return [e for e in current if id(e) not in chosen] if is_clear else current
    parts = coerce_parts(
        target.attribute, single(target.attribute, value, target.whole), target.whole
    )
    if chosen:
        return _rewritten(current, chosen, parts)
    described = {} if path.filter is None else _described(path.filter, target.whole)
    if described is None or all(part is None for part in parts.values()):
        return current
    check_count(len(current) + 1, target.whole)
    created = assemble({**described, **parts})
    return current if created is None else [*current, created]


def _described(condition: Filter, path: str) -> Document | None:
    """Return the element that a filter describes, or None if it names what is not known.

    Raises:
        NoTarget: The filter is not made of `eq` terms, so there are many such elements.
    """
    element: Document = {}
    for term in condition.filters if isinstance(condition, And) else (condition,):
        match term:
            case Comparison(operator="eq"):
                element[term.path.text] = term.value
            case Unknown():
                return None
            case _:
                raise NoTarget(
                    f"No value of {path} satisfies the filter, and only one made of eq and and "
                    "tells which value to create.",
                    path=path,
                )
    return element


def _chosen(current: Elements, path: PatchPath) -> set[int]:
    """Return the identities of the elements that a path means."""
    return {
        id(element) for element in current if path.filter is None or matches(path.filter, element)
    }


def _rewritten(current: Elements, chosen: set[int], parts: dict[str, Any]) -> Elements:
    rewritten = (
        _joined(element, parts) if id(element) in chosen else element for element in current
    )
    return [element for element in rewritten if element is not None]


def _joined(element: Any, parts: dict[str, Any]) -> Any:
    """Return an element with parts written, the same object if that changes nothing."""
    joined = assemble({**element, **parts})
    return element if joined == element else joined


def _with_added(current: Elements, target: AttributePath, value: Any) -> Elements:
    """Return the elements and the added ones; one that is there already is only completed."""
    elements = list(current)
    places = _Places(target.attribute, elements)
    for added in coerce(target.attribute, value, target.text) or []:
        place = places.find(added)
        if place is None:
            elements.append(added)
            check_count(len(elements), target.text)
            places.note(added)
        elif isinstance(added, dict):
            elements[place] = _joined(elements[place], added)
    return elements


class _Places:
    """Where each value stands in a list, found without a walk through the list.

    Two elements are the same if their `value` is, and their `type` where both have one: Entra
    creates a role with a type and adds it again without. Elements that have no `value`, such as
    addresses, are the same if all their parts are.
    """

    def __init__(self, attribute: Attribute, elements: Elements) -> None:
        self._attribute = attribute
        self._places: dict[Any, dict[Any, int]] = {}
        self._count = 0
        for element in elements:
            self.note(element)

    def note(self, element: Any) -> None:
        """Take the next element in."""
        value, label = self._key(element)
        self._places.setdefault(value, {}).setdefault(label, self._count)
        self._count += 1

    def find(self, element: Any) -> int | None:
        """Return the place of the element that is the same; None if there is none."""
        value, label = self._key(element)
        by_label = self._places.get(value, {})
        if label is None:
            return next(iter(by_label.values()), None)
        return by_label.get(label, by_label.get(None))

    def _key(self, element: Any) -> tuple[Any, Any]:
        if not isinstance(element, dict):
            return self._folded(self._attribute, element), None
        parts = {
            name: self._folded(self._attribute.sub_attribute(name), part)
            for name, part in element.items()
        }
        if "value" in parts:
            return parts["value"], parts.get("type")
        return repr(sorted(parts.items())), None

    @staticmethod
    def _folded(attribute: Attribute | None, value: Any) -> Any:
        is_exact = attribute is None or attribute.case_exact or not isinstance(value, str)
        return value if is_exact else fold(value)


def _last_primary(before: Elements, after: Elements) -> Elements:
    """Return the elements with one of them primary at most: the one that was set last.

    RFC 7644 section 3.5.2: setting one to true clears the others.
    """
    primaries = [element for element in after if is_primary(element)]
    if len(primaries) < 2:
        return after
    held = {id(element) for element in before}
    fresh = [element for element in primaries if id(element) not in held]
    return with_one_primary(after, fresh[-1] if fresh else primaries[0])
