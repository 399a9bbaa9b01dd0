"""Filters (RFC 7644 section 3.4.2.2): their text, their syntax tree and their meaning.

The tree is public: the web layer reads from it which index answers a filter.
"""

from __future__ import annotations

import json
import operator as python
import re
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias

from shared.errors import InvalidFilter
from shared.scim.folding import fold
from shared.scim.schema import Attribute, AttributePath
from shared.scim.values import convert, elements, is_unassigned, read_time, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from shared.scim.schema import AttributeType, Document, ResourceType

Operator = Literal["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"]

OPERATORS: frozenset[Operator] = frozenset(
    {"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"}
)

MAX_LENGTH = 8_192
"""Characters of a filter, which leaves room for `or` over some hundred names."""

MAX_FILTER_DEPTH = 40
"""Parentheses and brackets within each other. People write three; recursion has to end."""

_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    "eq": python.eq,
    "ne": python.ne,
    "co": python.contains,
    "sw": str.startswith,
    "ew": str.endswith,
    "gt": python.gt,
    "ge": python.ge,
    "lt": python.lt,
    "le": python.le,
}

_IN_TIME: frozenset[Operator] = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
"""Operators that compare a `dateTime` as a moment; the others look at its text."""

_TEXTUAL: frozenset[Operator] = frozenset({"co", "sw", "ew"})
_TEXT = Attribute("text")

_REFUSED: dict[AttributeType, frozenset[Operator]] = {
    "boolean": OPERATORS - {"eq", "ne", "pr"},
    "binary": frozenset({"gt", "ge", "lt", "le"}),
    "decimal": _TEXTUAL,
    "integer": _TEXTUAL,
}
"""Operators that a type has no meaning for: RFC 7644 table 3 calls for an error."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`attrPath operator value`, or `attrPath pr`.

    Attributes:
        path: What is compared. A complex attribute stands here only with `pr`: otherwise its
            `value` does (`emails co "@x"` means `emails.value co "@x"`).
        operator: In lower case.
        value: Of the attribute's type: `active eq "True"` holds the boolean. None is `null`, and
            is what `pr` holds.
    """

    path: AttributePath
    operator: Operator
    value: str | int | float | bool | None
    _wanted: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_wanted", self._comparable(self.value))

    def holds(self, found: list[Any]) -> bool:
        """Tell whether one of the values that a resource has is as wanted.

        A resource without a value differs from every value, so `ne` holds and nothing else does.
        """
        if self.value is None:
            return bool(found) != (self.operator == "eq")
        if not found:
            return self.operator == "ne"
        return any(map(self._holds, found))

    def _holds(self, value: Any) -> bool:
        try:
            return _COMPARE[self.operator](self._comparable(value), self._wanted)
        except (TypeError, ValueError):
            # It was written when the attribute had another type.
            return False

    def _comparable(self, value: Any) -> str | int | float | bool | datetime | None:
        attribute = self.path.leaf
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return] # a scalar of JSON
        if attribute.type == "dateTime" and self.operator in _IN_TIME:
            return read_time(value)
        return value if attribute.case_exact else fold(value)


@dataclass(frozen=True, slots=True)
class ValuePath:
    """`attrPath[filter]`: one element of a multi-valued attribute satisfies the whole filter.

    In the filter, paths name sub-attributes: their `attribute` is the sub-attribute.
    """

    path: AttributePath
    filter: Filter


@dataclass(frozen=True, slots=True)
class Unknown:
    """A term on an attribute that the schema does not have, or never shows: nothing satisfies it.

    Attributes:
        text: The term as it was written.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Not:
    """`not (filter)`."""

    filter: Filter


@dataclass(frozen=True, slots=True)
class And:
    """Two or more filters that all hold."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more filters of which one holds."""

    filters: tuple[Filter, ...]


Filter: TypeAlias = Comparison | ValuePath | Unknown | Not | And | Or


def parse_filter(text: str, resource_type: ResourceType, *others: ResourceType) -> Filter:
    """Read a filter on resources of a type.

    Beyond the grammar, a literal may stand without quotes (`externalId eq jyoung`, as Entra's
    documentation shows), `"True"` is a boolean where the attribute is one, and a value path may be
    compared: `emails[type eq "work"].value eq "x"`, or without the `.value`.

    Args:
        text: The filter, of at most `MAX_LENGTH` characters and `MAX_FILTER_DEPTH` levels.
        resource_type: Whose attributes it names. A term on an attribute that is not known is
            satisfied by nothing.
        others: Further types that the same query searches. An attribute that only they have is
            one without a value here (RFC 7644 section 3.4.2.1).

    Raises:
        InvalidFilter: It is not of the grammar, out of bounds, or compares what has no order.
    """

    def find(name: str) -> AttributePath | None:
        return resource_type.find(name) or _find_elsewhere(name, others)

    return FilterReader(text, find).whole_filter()


def _find_elsewhere(name: str, others: Sequence[ResourceType]) -> AttributePath | None:
    """Find an attribute that other types have, as one under the URN of their schema.

    So that a namesake is not taken for it: a group's `displayName` is not that of a user, which
    `urn:ietf:params:scim:schemas:core:2.0:User:displayName` asks for.
    """
    for other in others:
        path = other.find(name)
        if path is not None:
            urn = other.schema.id
            is_core = path.extension is None
            return replace(path, extension=urn, text=f"{urn}:{path.text}") if is_core else path
    return None


def matches(condition: Filter, resource: Document) -> bool:
    """Tell whether a resource satisfies a filter.

    Args:
        condition: The filter, as parsed for the type of the resource.
        resource: A presented resource. A stored document will do for a filter that names none of
            the attributes that presenting adds (`id`, `meta`, `groups`, `members`).
    """
    match condition:
        case Comparison():
            return condition.holds(_found(condition.path, resource))
        case ValuePath():
            held = elements(condition.path.read(resource))
            return any(matches(condition.filter, element) for element in held)
        case And():
            return all(matches(part, resource) for part in condition.filters)
        case Or():
            return any(matches(part, resource) for part in condition.filters)
        case Not():
            return not matches(condition.filter, resource)
        case Unknown():
            return False


def _found(path: AttributePath, resource: Document) -> list[Any]:
    """Return the values of a path in a resource; more than one only where it is multi-valued."""
    held = elements(path.read(resource))
    if path.sub_attribute is None:
        return held
    name = path.sub_attribute.name
    parts = (element.get(name) for element in held)
    return [part for part in parts if not is_unassigned(part)]


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def is_null(self) -> bool:
        return self.kind == "word" and self.text.lower() == "null"


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string> "[^"\\]*(?:\\.[^"\\]*)*" )
      | (?P<mark>   [()\[\]] )
      | (?P<word>   [^\s()\[\]"]+ )
      | (?P<end>    \Z )
      | (?P<quote>  " )
    )""",
    re.DOTALL | re.VERBOSE,
)


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "end"
        yield _Token(kind, match[kind], match.start(kind))
        if kind == "quote":
            # Nothing can be read from here on; to look for more quotes would take quadratic time.
            return


class FilterReader:
    """Reads one text by recursive descent over the grammar of RFC 7644 figure 1.

    Args:
        text: A filter, or the path of a PATCH operation.
        find: Tells what a name means; None for a name that means nothing.

    Raises:
        InvalidFilter: The text is too long.
    """

    def __init__(self, text: str, find: Callable[[str], AttributePath | None]) -> None:
        if len(text) > MAX_LENGTH:
            raise InvalidFilter(
                f"The filter has {len(text)} characters; at most {MAX_LENGTH} are read."
            )
        self._text = text
        self._find = find
        self._depth = 0
        self._tokens = list(_tokens(text))
        self._next = 0

    def whole_filter(self) -> Filter:
        """Read the text as a filter."""
        condition = self._disjunction()
        self._end('"and", "or" or the end')
        return condition

    def whole_value_path(self) -> tuple[AttributePath, Filter, str] | None:
        """Read the text as `attrPath[filter]` or `attrPath[filter].subAttr`.

        Returns:
            The attribute, the filter on its elements, and the name of the sub-attribute ("" for
            none); None if the attribute is not known.
        """
        path = self._find(self._take("word", "the name of an attribute").text)
        condition = self._bracketed(path)
        sub_name = self._sub_name()
        self._end("the end")
        return None if path is None else (path, condition, sub_name)

    def _disjunction(self) -> Filter:
        parts = [self._conjunction()]
        while self._skip("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _conjunction(self) -> Filter:
        parts = [self._term()]
        while self._skip("and"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _term(self) -> Filter:
        if self._peek().text == "(":
            return self._enclosed("(", ")")
        name = self._take("word", "the name of an attribute")
        if self._peek().text == "(" and name.text.lower() == "not":
            return Not(self._enclosed("(", ")"))
        path = self._find(name.text)
        if self._peek().text == "[":
            condition = self._compared_value_path(path)
        else:
            condition = self._comparison(path)
        return condition or Unknown(self._text[name.start : self._consumed()])

    def _comparison(self, path: AttributePath | None) -> Filter | None:
        operator = self._operator()
        literal = None if operator == "pr" else self._literal()
        if path is None or _is_secret(path):
            return None
        if literal is None or literal.is_null:
            return _presence(path, operator)
        if path.leaf.type == "complex":
            path = _value_of(path)
            if _is_secret(path):
                return None
        if operator in _REFUSED.get(path.leaf.type, ()):
            raise InvalidFilter(
                f'"{operator}" does not apply to {path.text}, which takes {wanted(path.leaf)}.',
                path=path.text,
            )
        return Comparison(path, operator, _value(path, operator, literal))

    def _compared_value_path(self, path: AttributePath | None) -> Filter | None:
        """Read `[filter]` and what may follow it.

        An element must satisfy the comparison that follows and the filter at once, so
        `emails[type eq "work"].value eq "x"` is `emails[type eq "work" and value eq "x"]`.
        """
        condition = self._bracketed(path)
        sub_name = self._sub_name()
        if sub_name or self._peek().text.lower() in OPERATORS:
            comparison = self._comparison(_sub_path(path, sub_name or "value"))
            if comparison is None:
                return None
            condition = And((condition, comparison))
        return None if path is None else ValuePath(path, condition)

    def _bracketed(self, path: AttributePath | None) -> Filter:
        """Read a filter in brackets, in which names are those of sub-attributes."""
        if path is not None and path.leaf.type != "complex":
            raise InvalidFilter(
                f"{path.text} has no sub-attributes, so no [filter] applies to it.", path=path.text
            )
        outer, self._find = self._find, partial(_sub_path, path)
        condition = self._enclosed("[", "]")
        self._find = outer
        return condition

    def _enclosed(self, opening: str, closing: str) -> Filter:
        self._take("mark", f'"{opening}"', opening)
        self._depth += 1
        if self._depth > MAX_FILTER_DEPTH:
            raise InvalidFilter(f"The filter is nested more than {MAX_FILTER_DEPTH} levels deep.")
        condition = self._disjunction()
        self._take("mark", f'"and", "or" or "{closing}"', closing)
        self._depth -= 1
        return condition

    def _sub_name(self) -> str:
        """Read the `.value` that may follow a bracket without a space."""
        token = self._peek()
        if token.kind != "word" or token.start != self._consumed() or token.text[0] != ".":
            return ""
        if len(token.text) == 1:
            self._fail('the name of a sub-attribute after "."')
        self._next += 1
        return token.text[1:]

    def _operator(self) -> Operator:
        token = self._peek()
        operator = token.text.lower()
        if operator not in OPERATORS:
            self._fail("an operator (eq, ne, co, sw, ew, gt, ge, lt, le or pr)")
        self._next += 1
        return operator

    def _literal(self) -> _Token:
        token = self._peek()
        if token.kind not in {"string", "word"} or token.text.lower() in {"and", "or"}:
            self._fail("a value to compare with")
        self._next += 1
        return token

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, kind: str, expected: str, text: str | None = None) -> _Token:
        token = self._peek()
        if token.kind != kind or (text is not None and token.text != text):
            self._fail(expected)
        self._next += 1
        return token

    def _skip(self, word: str) -> bool:
        token = self._peek()
        is_there = token.kind == "word" and token.text.lower() == word
        self._next += is_there
        return is_there

    def _end(self, expected: str) -> None:
        if self._peek().kind != "end":
            self._fail(expected)

    def _consumed(self) -> int:
        """Return the position behind what was read last."""
        token = self._tokens[self._next - 1]
        return token.start + len(token.text)

    def _fail(self, expected: str) -> NoReturn:
        """Say where reading stopped. Quoted values may be personal and are not repeated."""
        token = self._peek()
        found = {
            "string": "a quoted value",
            "end": "the end",
            "quote": "a quote that is not closed",
        }.get(token.kind, f'"{token.text[:40]}"')
        raise InvalidFilter(
            f"The filter has {found} at character {token.start + 1}, where {expected} is expected."
        )


def _is_secret(path: AttributePath) -> bool:
    """Tell whether a value is never returned: filters would tell it letter by letter."""
    return "never" in {path.attribute.returned, path.leaf.returned}


def _presence(path: AttributePath, operator: Operator) -> Comparison:
    """Return the test for a value, or for none: `pr`, or a comparison with null."""
    if operator not in {"pr", "eq", "ne"}:
        raise InvalidFilter(f'"{operator}" does not compare with null.', path=path.text)
    return Comparison(path, operator, None)


def _value(path: AttributePath, operator: Operator, literal: _Token) -> str | int | float | bool:
    """Return a literal as a value of the attribute, or as text if a part of its text is meant."""
    kind = _TEXT if operator in _TEXTUAL else path.leaf
    try:
        text = _unquoted(literal.text) if literal.kind == "string" else literal.text
        value: str | int | float | bool = convert(kind, text)
    except ValueError:
        raise InvalidFilter(
            f"{path.text} is compared with {wanted(kind)}, which the value at character "
            f"{literal.start + 1} is not.",
            path=path.text,
        ) from None
    return value


def _value_of(path: AttributePath) -> AttributePath:
    """Return what a comparison with a complex attribute looks at: its `value`."""
    sub = path.attribute.sub_attribute("value")
    if sub is None:
        names = ", ".join(f"{path.text}.{part.name}" for part in path.attribute.sub_attributes)
        raise InvalidFilter(
            f"{path.text} has parts, of which one is to be compared: {names}.",
            path=path.text,
        )
    return AttributePath(path.extension, path.attribute, sub, f"{path.text}.{sub.name}")


def _sub_path(path: AttributePath | None, name: str) -> AttributePath | None:
    """Return what a name means in the brackets after a path."""
    sub = None if path is None else path.attribute.sub_attribute(name)
    return None if sub is None else AttributePath(None, sub, None, sub.name)


def _unquoted(text: str) -> str:
    """Return what a JSON string means; control characters may stand in it as they are."""
    if "\\" not in text:
        return text[1:-1]
    unquoted: str = json.loads(text, strict=False)
    return unquoted
