"""Which index answers a filter: an `eq` on an indexed attribute that every match must satisfy."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.scim.filters import And, Comparison, Filter, Not, Or, Unknown, ValuePath
from shared.scim.schema import ResourceType


@dataclass(frozen=True, slots=True)
class Term:
    """`attribute eq "value"`.

    Attributes:
        attribute: its path as it is written in a filter: `userName`, `emails.value`.
        value: what it is compared with.
    """

    attribute: str
    value: str


def required_terms(condition: Filter) -> Iterator[Term]:
    """Yield the `eq` terms that hold for every match: those outside of `or` and `not`.

    Inside of a value path the attribute is that of the element: `emails[value eq "x"]` requires
    `emails.value`.
    """
    match condition:
        case Comparison(path=path, operator="eq", value=str(value)):
            yield Term(path.text, value)
        case And(filters=parts):
            for part in parts:
                yield from required_terms(part)
        case ValuePath(path=path, filter=inner):
            for term in required_terms(inner):
                yield Term(f"{path.text}.{term.attribute}", term.value)
        case _:
            return


def is_impossible(condition: Filter, resource_type: ResourceType) -> bool:
    """Tell whether it can be seen from a filter that no resource of a type satisfies it.

    A query of several types names one by `meta.resourceType`, by `schemas`, or by an attribute
    that the others do not have; then nobody needs to read those.
    """
    match condition:
        case Comparison():
            return _is_elsewhere(condition, resource_type)
        case And(filters=parts):
            return any(is_impossible(part, resource_type) for part in parts)
        case Or(filters=parts):
            return all(is_impossible(part, resource_type) for part in parts)
        case ValuePath(path=path):
            return resource_type.find(path.text) is None
        case _:
            return isinstance(condition, Unknown)


def _is_elsewhere(term: Comparison, resource_type: ResourceType) -> bool:
    """Tell whether a term is satisfied by no resource of a type, but perhaps by those of others."""
    if resource_type.find(term.path.text) is None:
        return not term.holds([])
    if term.operator != "eq" or term.value is None:
        return False
    if term.path.text == "meta.resourceType":
        return not term.holds([resource_type.name])
    if term.path.text == "schemas":
        own = (resource_type.schema, *resource_type.extensions)
        return not term.holds([schema.id for schema in own])
    return False


def comparisons(condition: Filter, attribute: str) -> Iterator[Comparison]:
    """Yield every comparison with an attribute or its `value`, wherever it stands."""
    match condition:
        case Comparison(path=path):
            if path.attribute.name == attribute:
                yield condition
        case And(filters=parts) | Or(filters=parts):
            for part in parts:
                yield from comparisons(part, attribute)
        case Not(filter=inner):
            yield from comparisons(inner, attribute)
        case ValuePath(path=path, filter=inner):
            if path.attribute.name == attribute:
                yield from _all_comparisons(inner)
        case _:
            return


def _all_comparisons(condition: Filter) -> Iterator[Comparison]:
    match condition:
        case Comparison():
            yield condition
        case And(filters=parts) | Or(filters=parts):
            for part in parts:
                yield from _all_comparisons(part)
        case Not(filter=inner) | ValuePath(filter=inner):
            yield from _all_comparisons(inner)
        case _:
            return
