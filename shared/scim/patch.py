"""PATCH: operations turn one document into another (RFC 7644 section 3.5.2).

Every client's dialect is one dialect here. Where the RFC and Microsoft Entra ID differ, the rule
that keeps Entra's data is followed, and named where it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.errors import (
    InvalidPath,
    InvalidValue,
    Mutability,
    NoTarget,
    PayloadTooLarge,
    ScimError,
)
from shared.scim.documents import (
    hold_immutable,
    missing,
    note_list,
    put,
    refusal,
    tidied,
    with_defaults,
)
from shared.scim.effort import Effort, EffortExceeded
from shared.scim.elements import (
    Elements,
    Parts,
    Places,
    contradict,
    is_blank,
    is_primary,
    named,
    replacement,
    with_one_primary,
)
from shared.scim.equality import is_same
from shared.scim.filters import And, Comparison, Filter, matches
from shared.scim.folding import fold_effort
from shared.scim.operations import on_attributes
from shared.scim.schema import VALUE
from shared.scim.values import (
    check_count,
    coerce,
    coerce_parts,
    is_unassigned,
    merge,
    single,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.scim.documents import Lists
    from shared.scim.operations import AttributeOperation, PatchOperation
    from shared.scim.paths import PatchPath
    from shared.scim.schema import Attribute, AttributePath, Document, ResourceType

_EDIT_EFFORT = 50
"""Of an operation without a filter, for each element that it looks at."""


def apply(
    resource_type: ResourceType,
    document: Document,
    operations: Iterable[PatchOperation],
    effort: Effort | None = None,
) -> Document:
    """Return the document after the operations, applied in order: all of them, or none.

    Attributes that no schema has or that are kept elsewhere are passed over. Members of a group are
    taken out beforehand (`split_members`).

    Args:
        resource_type: Type of the resource.
        document: Its stored document, which stays as it is.
        operations: As read by `parse_patch`.
        effort: Counts what the operations cost; by default one of `MAX_EFFORT`.

    Raises:
        ScimError: An operation was refused; the error bears its index and, where there is one,
            the attribute path.
    """
    changed = document
    written: dict[str, int] = {}
    lists: Lists = {}
    effort = effort or Effort()
    for each in on_attributes(resource_type, operations):
        target = each.path.target
        if not target.is_writable:
            continue
        try:
            _spend(effort, changed, each)
            edited = _edited(changed, each)
            edited = hold_immutable(resource_type, edited, changed, is_patch=True)
            # What is removed by name is gone, whatever default it once had.
            changed = with_defaults(resource_type, edited, edited if each.is_remove else changed)
        except ScimError as error:
            error.locate(operation=each.operation.index)
            raise
        written[target.whole] = each.operation.index
        note_list(lists, target)
    changed = tidied(changed, document, lists)
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


def _spend(effort: Effort, document: Document, each: AttributeOperation) -> None:
    """Count what an operation costs: it looks at every element, with every term of a filter."""
    target, has_filter = each.path.target, each.path.filter is not None
    per_element = len(each.operation.path) if has_filter else _EDIT_EFFORT
    elements = target.read(document) if target.attribute.multi_valued else None
    try:
        effort.spend(per_element * (1 + sum(map(_weight, elements or ()))))
    except EffortExceeded:
        raise PayloadTooLarge(
            "The operations look at too many values: send them in several requests."
        ) from None


def _weight(element: Any) -> int:
    parts = element.values() if isinstance(element, dict) else (element,)
    folded = sum(fold_effort(part) for part in parts if isinstance(part, str))
    return 1 + folded // _EDIT_EFFORT


def _edited(document: Document, each: AttributeOperation) -> Document:
    target = each.path.target
    current = target.read(document)
    edited: Any
    if target.attribute.multi_valued:
        edited = _edited_elements(current or [], each) or None
    elif target.attribute.type == "complex":
        edited = _edited_object(current or {}, each) or None
    elif each.is_remove:
        edited = None if _is_meant(target, current, each.value) else current
    else:
        edited = coerce(target.attribute, each.value, target.text)
    return put(document, target, edited)


def _edited_object(current: Document, each: AttributeOperation) -> Document | None:
    """Return a complex value with the parts that are named; the others stay, as a rule."""
    target, value = each.path.target, each.value
    if each.is_remove:
        return _without_parts(current, each)
    if target.sub_attribute is not None:
        value = {target.sub_attribute.name: value}
    elif each.replaces_parts:
        current = {}
    parts = _parts(target, value)
    return None if parts is None else merge(target.attribute, current, parts)


def _without_parts(current: Document, each: AttributeOperation) -> Document | None:
    """Return what a remove leaves of a complex value: parts that it names are gone if they are so.

    A reference is named by its `value`.
    """
    target = each.path.target
    attribute, sub = target.attribute, target.sub_attribute
    if sub is not None:
        is_meant = _is_meant(target, current.get(sub.name), each.value)
        return merge(attribute, current, {sub.name: None}) if is_meant else current
    parts = _parts(target, each.value)
    if parts is None:
        return None
    if not parts:
        raise _names_nothing(target)
    if attribute.is_reference and VALUE in parts:
        parts = {VALUE: parts[VALUE]}
    gone = {
        name: None
        for name, part in parts.items()
        if part is None or _is_same_part(attribute, name, current, part)
    }
    return merge(attribute, current, gone)


def _is_same_part(attribute: Attribute, name: str, held: Document, part: Any) -> bool:
    sub = attribute.sub_attribute(name)
    return sub is not None and is_same(sub, held.get(name), part)


def _is_meant(target: AttributePath, held: Any, value: Any) -> bool:
    """Tell whether a remove means the simple value that is held: it names no value, or this one."""
    named = coerce(target.leaf, value, target.text)
    return named is None or is_same(target.leaf, held, named)


def _names_nothing(target: AttributePath) -> InvalidValue:
    return InvalidValue(
        f"The value names nothing to remove from {target.text}: leave it out to remove all, or "
        "send what is to be removed.",
        path=target.text,
    )


def _parts(target: AttributePath, value: Any) -> dict[str, Any] | None:
    """Return the parts that a value names for one complex value; None if it is unassigned."""
    if is_unassigned(value):
        return None
    value = single(target.attribute, value, target.whole)
    return None if is_unassigned(value) else coerce_parts(target.attribute, value, target.whole)


def _edited_elements(current: Elements, each: AttributeOperation) -> Elements:
    target = each.path.target
    if each.is_remove:
        edited = _without(current, each)
    elif each.path.filter is not None or target.sub_attribute is not None:
        edited = _with_parts(current, each)
    elif each.operation.op == "add":
        edited = _with_added(current, target, each.value)
    else:
        coerced = coerce(target.attribute, each.value, target.text)
        edited = replacement(target.attribute, current, coerced, target.text)
    return _last_primary(target.attribute, current, edited)


def _without(current: Elements, each: AttributeOperation) -> Elements:
    """Return what a remove leaves.

    Entra lists the values to remove beside the path; the RFC would take that as a removal of all of
    them. A remove of something that is not there succeeds.
    """
    path, chosen = each.path, _chosen(current, each.path)
    attribute, sub = path.target.attribute, path.target.sub_attribute
    if sub is not None:
        meant = coerce(sub, each.value, path.target.text)
        if meant is not None:
            chosen = {n for n in chosen if is_same(sub, current[n].get(sub.name), meant)}
        return _rewritten(attribute, current, chosen, {sub.name: None})
    if is_unassigned(each.value):
        return _without_chosen(current, chosen)
    listed = coerce(attribute, each.value, path.target.text)
    if not listed:
        raise _names_nothing(path.target)
    if any(is_blank(attribute, element, current) for element in listed):
        raise _named_by_labels(path.target)
    places = Places(attribute, listed)
    left = [
        element
        for place, element in enumerate(current)
        if place not in chosen or places.find(element) is None
    ]
    if len(left) == len(current) and any(map(Parts(attribute, current).name, listed)):
        raise _named_by_labels(path.target)
    return left


def _named_by_labels(target: AttributePath) -> InvalidValue:
    return InvalidValue(
        f"A value to remove from {target.text} is named by itself, not by its labels or by a part: "
        "send it whole, or remove by a path with a [filter].",
        path=target.text,
    )


def _with_parts(current: Elements, each: AttributeOperation) -> Elements:
    """Return the elements with parts of the chosen ones written.

    If there is no such element, one is made of what the filter says of it, where RFC 7644 section
    3.5.2.3 has an error: Entra replaces `emails[type eq "work"].value` of users who have none, and
    names the parts of one new address in several operations.
    """
    path, target = each.path, each.path.target
    chosen = _chosen(current, path)
    if target.attribute.type != "complex":
        return _with_value(current, each, chosen)
    sub = target.sub_attribute
    parts = _parts(target, each.value if sub is None else {sub.name: each.value})
    if parts is None:
        return _cleared(current, each, chosen)
    if chosen:
        return _rewritten(target.attribute, current, chosen, parts)
    if all(part is None for part in parts.values()):
        return current
    described = {} if path.filter is None else _described(path.filter, target.whole)
    check_count(len(current) + 1, target.whole)
    # A filter may compare with what no part can hold, as a whole number with 5.5.
    described = coerce_parts(target.attribute, described, target.whole)
    created = merge(target.attribute, described, parts)
    if not created:
        return current
    added = [created] if sub else named(target.attribute, [created], current, target.text)
    _check_selected(created, path)
    return [*current, *added]


def _with_value(current: Elements, each: AttributeOperation, chosen: set[int]) -> Elements:
    """Return a list of simple values with the chosen ones replaced: `tags[value eq "a"]`."""
    path, target = each.path, each.path.target
    value = single(target.attribute, each.value, target.text)
    values = coerce(target.attribute, [value], target.text)
    if not values:
        return _cleared(current, each, chosen)
    (value,) = values
    if chosen:
        return [value if place in chosen else held for place, held in enumerate(current)]
    if path.filter is not None:
        _described(path.filter, target.whole)
        _check_selected({VALUE: value}, path)
    check_count(len(current) + 1, target.whole)
    return [*current, value]


def _cleared(current: Elements, each: AttributeOperation, chosen: set[int]) -> Elements:
    """Return what is left when the chosen elements get no value; to add none changes nothing."""
    return _without_chosen(current, chosen) if each.operation.op == "replace" else current


def _described(condition: Filter, path: str) -> Document:
    """Return the element that a filter describes.

    Raises:
        NoTarget: The filter is not made of `eq` terms, so there are many such elements, or its
            terms exclude each other, so there is none.
        InvalidPath: A part of it would be empty.
    """
    element: Document = {}
    for term in condition.filters if isinstance(condition, And) else (condition,):
        if not (
            isinstance(term, Comparison)
            and term.operator == "eq"
            and element.setdefault(term.path.text, term.value) == term.value
        ):
            raise NoTarget(
                f"No value of {path} satisfies the filter, and only one made of eq and and "
                "tells which value to create.",
                path=path,
            )
        if isinstance(term.value, str) and not term.value.strip():
            raise InvalidPath(
                f"No value of {path} satisfies the filter, and to create one whose "
                f"{term.path.text} is empty says nothing of it: send what it shall be, as in "
                f'[{term.path.text} eq "work"], or leave the [filter] out.',
                path=path,
            )
    return element


def _check_selected(created: Document, path: PatchPath) -> None:
    """Refuse to create an element that the filter of the path would not select.

    `roles[value eq "reader"].value` replaced by "admin" is for those who are readers.

    Raises:
        NoTarget: The filter and the value contradict each other.
    """
    if path.filter is not None and not matches(path.filter, created):
        whole = path.target.whole
        raise NoTarget(
            f"No value of {whole} satisfies the filter, nor would the one that is sent: add it by "
            f"the path {whole}, or read the resource and replace what it has.",
            path=whole,
        )


def _chosen(current: Elements, path: PatchPath) -> set[int]:
    """Return the places of the elements that a path means."""
    if path.filter is None:
        return set(range(len(current)))
    is_complex = path.target.attribute.type == "complex"
    elements = current if is_complex else [{VALUE: value} for value in current]
    return {place for place, each in enumerate(elements) if matches(path.filter, each)}


def _without_chosen(current: Elements, chosen: set[int]) -> Elements:
    return [element for place, element in enumerate(current) if place not in chosen]


def _rewritten(
    attribute: Attribute, current: Elements, chosen: set[int], parts: dict[str, Any]
) -> Elements:
    rewritten = (
        _joined(attribute, element, parts) if place in chosen else element
        for place, element in enumerate(current)
    )
    return [element for element in rewritten if element]


def _joined(attribute: Attribute, element: Any, parts: dict[str, Any]) -> Any:
    """Return an element with parts written, the same object if that changes nothing."""
    joined = merge(attribute, element, parts)
    return element if joined == element else joined


def _with_added(current: Elements, target: AttributePath, value: Any) -> Elements:
    """Return the elements and the added ones; one that is there already is only completed."""
    attribute, elements = target.attribute, list(current)
    places = Places(attribute, elements)
    new = named(attribute, coerce(attribute, value, target.text) or [], current, target.text)
    for added in new:
        place = places.find(added)
        if place is None or contradict(attribute, elements[place], added):
            elements.append(added)
            check_count(len(elements), target.text)
            places.note(added)
        elif isinstance(added, dict):
            elements[place] = _joined(attribute, elements[place], added)
    return elements


def _last_primary(attribute: Attribute, before: Elements, after: Elements) -> Elements:
    """Return the elements with one of them primary at most: the one that was set last.

    RFC 7644 section 3.5.2: setting one to true clears the others. One that has no value yet does
    so when it has got it.
    """
    primaries = [
        element for element in after if is_primary(element) and not is_blank(attribute, element, [])
    ]
    if len(primaries) < 2:
        return after
    held = {id(element) for element in before}
    fresh = [element for element in primaries if id(element) not in held]
    return with_one_primary(after, fresh[-1] if fresh else primaries[0])
