"""Which index answers a filter: an `eq` on an indexed attribute that every match must satisfy."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.scim.filters import And, Comparison, Filter, Not, Or, ValuePath


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
