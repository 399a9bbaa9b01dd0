"""Filters (RFC 7644 section 3.4.2.2): their text, their syntax tree and their meaning.

The tree is public: the web layer reads from it which index answers a filter.
"""

from __future__ import annotations

import json
import operator as python
import re
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, NoReturn, TypeAlias

from shared.errors import InvalidFilter
from shared.scim.elements import is_blank
from shared.scim.equality import Form, as_it_is, folded, form
from shared.scim.folding import fold_effort
from shared.scim.names import abridged, is_attribute, is_well_formed
from shared.scim.scalars import convert, wanted
from shared.scim.schema import VALUE, Attribute, AttributePath
from shared.scim.unknown import is_name as is_name_of
from shared.scim.values import elements, is_unassigned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shared.scim.effort import Effort
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

_TEXTUAL: frozenset[Operator] = frozenset({"co", "sw", "ew"})
"""Operators that look at the text of a value, whatever its type."""

_TEXT = Attribute("text")
_COMPARED_WITH: dict[AttributeType, Attribute] = {"integer": Attribute("number", "decimal")}
"""What literals are read as, where it is not the type of the attribute."""

_REFUSED: dict[AttributeType, frozenset[Operator]] = {
    "boolean": OPERATORS - {"eq", "ne", "pr"},
    "binary": frozenset({"gt", "ge", "lt", "le"}),
    "decimal": _TEXTUAL,
    "integer": _TEXTUAL,
}
"""Operators that a type has no meaning for: RFC 7644 table 3 calls for an error."""


def _form(attribute: Attribute, operator: Operator) -> Form:
    """Return the form in which values of an attribute are compared; a part is one of its text."""
    if operator in _TEXTUAL:
        return as_it_is if attribute.case_exact else folded
    return form(attribute)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`attrPath operator value`, or `attrPath pr`.

    Attributes:
        path: What is compared. A complex attribute stands here only with `pr`: otherwise its
            `value` does (`emails co "@x"` means `emails.value co "@x"`).
        operator: In lower case.
        value: Of the attribute's type: `active eq "True"` holds the boolean. None is `null`, and
            is what `pr` holds.
        form: In which values are compared with it.
    """

    path: AttributePath
    operator: Operator
    value: str | int | float | bool | None
    form: Form = field(init=False, repr=False, compare=False)
    _wanted: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        form = _form(self.path.leaf, self.operator)
        object.__setattr__(self, "form", form)
        object.__setattr__(self, "_wanted", form(self.value))

    def holds(self, found: Sequence[Any]) -> bool:
        """Tell whether one of the values that a resource has is as wanted."""
        return self.holds_of([formed(self.form, value) for value in found])

    def holds_of(self, found: Sequence[Any]) -> bool:
        """Tell whether one of some values, each in the form of the comparison, is as wanted.

        A resource without a value differs from every value, so `ne` holds and nothing else does.
        """
        if self.value is None:
            return bool(found) != (self.operator == "eq")
        if not found:
            return self.operator == "ne"
        return any(map(self._holds, found))

    def _holds(self, value: Any) -> bool:
        try:
            return value is not _UNREADABLE and _COMPARE[self.operator](value, self._wanted)
        except TypeError:
            # It was written when the attribute had another type.
            return False


_UNREADABLE: Final = object()


def formed(form: Form, value: Any) -> Any:
    """Return a value in a form; one that was written when the attribute had another type is none.

    It is compared with nothing, and yet is a value.
    """
    try:
        return form(value)
    except ValueError:
        return _UNREADABLE


@dataclass(frozen=True, slots=True)
class ValuePath:
    """`attrPath[filter]`: one element of a multi-valued attribute satisfies the whole filter.

    In the filter, paths name sub-attributes: their `attribute` is the sub-attribute.
    """

    path: AttributePath
    filter: Filter


@dataclass(frozen=True, slots=True)
class Unknown:
    """A term on an attribute that the schema does not have, or never shows.

    It is neither true nor false, and stays so under `not`: nothing satisfies it.

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

    Beyond the grammar, a literal may stand in single quotes or without any (`externalId eq jyoung`,
    as Entra's documentation shows), `"True"` is a boolean where the attribute is one, a value path
    may be compared: `emails[type eq "work"].value eq "x"`, or without the `.value`, and the URN of
    a schema may stand before brackets with its attributes, or before `pr`.

    Args:
        text: The filter, of at most `MAX_LENGTH` characters and `MAX_FILTER_DEPTH` levels.
        resource_type: Whose attributes it names. A term on an attribute that is not known is
            satisfied by nothing; of a closed type it is refused.
        others: Further types that the same query searches. An attribute that only they have is
            one without a value here (RFC 7644 section 3.4.2.1).

    Raises:
        InvalidFilter: It is not of the grammar, out of bounds, or compares what has no order.
    """

    def find(name: str) -> AttributePath | None:
        return resource_type.find(name) or _find_elsewhere(name, others)

    def find_schema(urn: str) -> Sequence[AttributePath]:
        schemas = (each.schema_of(urn) for each in (resource_type, *others))
        schema = next(filter(None, schemas), None)
        attributes = () if schema is None else schema.attributes
        found = (find(f"{urn}:{attribute.name}") for attribute in attributes)
        return [path for path in found if path is not None and not _is_secret(path)]

    def is_name(text: str) -> bool:
        return is_name_of(resource_type, text)

    is_strict = resource_type.is_closed
    return FilterReader(
        text, find, find_schema, is_name=is_name, is_strict=is_strict
    ).whole_filter()


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


def matches(condition: Filter, resource: Document, effort: Effort | None = None) -> bool:
    """Tell whether a resource satisfies a filter; what is neither true nor false does not.

    Each value is brought into the form in which it is compared once, however many terms look at it.

    Args:
        condition: The filter, as parsed for the type of the resource.
        resource: A presented resource. A stored document will do for a filter that names none of
            the attributes that presenting adds (`id`, `meta`, `groups`, `members`).
        effort: Counts what comparing costs; None where that was counted before.

    Raises:
        EffortExceeded: Comparing costs more than the effort allows.
    """
    return _Comparing(effort).truth(condition, resource) is True


Truth: TypeAlias = "bool | None"
"""True, false, or neither: the third value of Kleene's logic."""

_NOTHING: Final[Document] = {}

_TERM_EFFORT = 8
"""Of a term, for each place where it is looked at."""

_VALUE_EFFORT = 3
"""Of a value, for each term that looks at it."""

_SEARCHED_CHARACTERS = 8
"""Characters in which a part is searched at the cost of a unit."""


class _Found(NamedTuple):
    """What a resource or an element of it has at a path, in the form of a comparison.

    Attributes:
        values: The values.
        search: What it costs to search a part in all of them.
    """

    values: Sequence[Any]
    search: int


class _Comparing:
    """Compares one resource with a filter, and remembers what it has read of it."""

    def __init__(self, effort: Effort | None) -> None:
        self._spend = None if effort is None else effort.spend
        self._found: dict[tuple[int, str, Form], _Found] = {}
        self._elements: dict[tuple[int, str], list[Document]] = {}

    def truth(self, condition: Filter, resource: Document) -> Truth:
        match condition:
            case Comparison():
                return self._truth_of_comparison(condition, resource)
            case ValuePath():
                return self._truth_of_value_path(condition, resource)
            case And():
                return self._truth_of_parts(condition.filters, resource, decided_by=False)
            case Or():
                return self._truth_of_parts(condition.filters, resource, decided_by=True)
            case Not():
                inner = self.truth(condition.filter, resource)
                return None if inner is None else not inner
            case Unknown():
                return None

    def _truth_of_comparison(self, term: Comparison, resource: Document) -> Truth:
        key = (id(resource), term.path.text, term.form)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._read(term, resource)
        if self._spend is not None:
            search = found.search if term.operator == "co" else 0
            self._spend(_TERM_EFFORT + _VALUE_EFFORT * len(found.values) + search)
        return term.holds_of(found.values)

    def _read(self, term: Comparison, resource: Document) -> _Found:
        """Read values in the form of a comparison."""
        values = _values_at(term.path, resource)
        if self._spend is None:
            return _Found([formed(term.form, value) for value in values], 0)
        texts = [value for value in values if isinstance(value, str)]
        self._spend(sum(map(fold_effort, texts)))
        search = sum(map(len, texts)) // _SEARCHED_CHARACTERS
        return _Found([formed(term.form, value) for value in values], search)

    def _truth_of_value_path(self, condition: ValuePath, resource: Document) -> Truth:
        """One element satisfies the filter; without any it is undefined what is undefined of all.

        So `not (emails[typo eq "x"])` finds nobody, not even those who have no emails.
        """
        key = (id(resource), condition.path.text)
        held = self._elements.get(key)
        if held is None:
            held = self._elements[key] = _elements_at(condition.path, resource)
        of_nothing = None if held else self.truth(condition.filter, _NOTHING)
        truth: Truth = False if held or of_nothing is not None else None
        for element in held:
            of_element = self.truth(condition.filter, element)
            if of_element:
                return True
            if of_element is None:
                truth = None
        return truth

    def _truth_of_parts(
        self, parts: Sequence[Filter], resource: Document, *, decided_by: bool
    ) -> Truth:
        """Join parts by Kleene's tables: `and` is decided by false, `or` by true."""
        truth: Truth = not decided_by
        for part in parts:
            of_part = self.truth(part, resource)
            if of_part is decided_by:
                return decided_by
            if of_part is None:
                truth = None
        return truth


def _elements_at(path: AttributePath, resource: Document) -> list[Document]:
    """Return the elements of a path as objects; a simple value is the `value` of one."""
    held = elements(path.read(resource))
    return held if path.leaf.type == "complex" else [{VALUE: value} for value in held]


def _values_at(path: AttributePath, resource: Document) -> list[Any]:
    """Return the values of a path in a resource; more than one only where it is multi-valued.

    An element that has nothing but labels is none.
    """
    held = elements(path.read(resource))
    if path.sub_attribute is None:
        labels = path.attribute.labels
        return [each for each in held if not is_blank(path.attribute, each, ())] if labels else held
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
        (?P<string> "[^"\\]*(?:\\.[^"\\]*)*" | '[^'\\]*(?:\\.[^'\\]*)*' )
      | (?P<mark>   [()\[\]] )
      | (?P<word>   [^\s()\[\]"]+ )
      | (?P<end>    \Z )
      | (?P<quote>  " )
    )""",
    re.DOTALL | re.VERBOSE,
)


_APOSTROPHE = re.compile(r"(?<=\w)['\u2019](?=\w)")
"""Within a word that stands without quotes: o'hara."""

_QUOTATION_MARK = re.compile(
    r"""["'`\u00b4\u00ab\u00bb\u2018-\u201f\u2032-\u2037\u2039\u203a\u275b-\u275e\u300c-\u300f
    \u301d-\u301f\uff02\uff07\uff62\uff63] | &\#?\w{1,10}; | %2[27]""",
    re.VERBOSE,
)
"""What people and their tools write for a quote: typographic marks, HTML entities, escapes."""


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "end"
        yield _Token(kind, match[kind], match.start(kind))
        if kind == "quote":
            # Nothing can be read from here on; to look for more quotes would take quadratic time.
            return


Find: TypeAlias = "Callable[[str], AttributePath | None]"
"""Tells what a name means; None for a name that means nothing."""

FindSchema: TypeAlias = "Callable[[str], Sequence[AttributePath]]"
"""Tells which attributes a schema has, by its URN; none for a name that is no such URN."""


def _no_schema(_: str) -> Sequence[AttributePath]:
    return ()


class FilterReader:
    """Reads one text by recursive descent over the grammar of RFC 7644 figure 1.

    Args:
        text: A filter, or the path of a PATCH operation.
        find: Tells what a name means.
        find_schema: Tells what the URN of a schema means.
        is_name: Tells whether a text that means nothing may be a name.
        is_strict: Whether a name that means nothing is refused.

    Raises:
        InvalidFilter: The text is too long.
    """

    def __init__(
        self,
        text: str,
        find: Find,
        find_schema: FindSchema = _no_schema,
        *,
        is_name: Callable[[str], bool] = is_well_formed,
        is_strict: bool = False,
    ) -> None:
        if len(text) > MAX_LENGTH:
            raise InvalidFilter(
                f"The filter has {len(text)} characters; at most {MAX_LENGTH} are read."
            )
        self._text = text
        self._find = find
        self._find_schema = find_schema
        self._is_name = is_name
        self._is_strict = is_strict
        self._depth = 0
        self._tokens = list(_tokens(text))
        self._next = 0

    def whole_filter(self) -> Filter:
        """Read the text as a filter."""
        condition = self._disjunction()
        self._end('"and", "or" or the end')
        return condition

    def whole_value_path(self) -> tuple[AttributePath, Filter, str]:
        """Read the text as `attrPath[filter]` or `attrPath[filter].subAttr`.

        Returns:
            The attribute, the filter on its elements, and the name of the sub-attribute ("" for
            none).

        Raises:
            InvalidFilter: The attribute is not known either.
        """
        name = self._name()
        path = self._find(name.text)
        if path is None:
            raise self._unknown(name)
        condition = self._bracketed(path)
        sub_name = self._sub_name()
        self._end("the end")
        return path, condition, sub_name

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
        name = self._name()
        if self._peek().text == "(" and name.text.lower() == "not":
            return Not(self._enclosed("(", ")"))
        attributes = self._find_schema(name.text)
        if attributes:
            return self._of_schema(name.text, attributes)
        path = self._find(name.text)
        if path is None:
            self._check_unknown(name)
        if self._peek().text == "[":
            condition = self._compared_value_path(path)
        else:
            condition = self._comparison(path)
        return condition or Unknown(self._text[name.start : self._consumed()])

    def _name(self) -> _Token:
        """Read the name of an attribute, whether or not there is one of that name."""
        return self._take("word", "the name of an attribute")

    def _check_unknown(self, name: _Token) -> None:
        """Refuse a name that means nothing, unless it may be that of an attribute nobody here has.

        In the path of a PATCH it is refused all the same.
        """
        if not self._is_name(name.text):
            self._next -= 1
            self._fail("the name of an attribute")
        if self._is_strict:
            raise self._unknown(name)

    def _of_schema(self, urn: str, attributes: Sequence[AttributePath]) -> Filter:
        """Read what stands behind the URN of a schema: `[filter]` on its attributes, or `pr`."""
        if self._peek().text == "[":
            find = self._find
            return self._within(lambda name: find(f"{urn}:{name}"))
        operator = self._operator()
        if operator != "pr":
            raise InvalidFilter(
                "A schema is not compared: name one of its attributes, as in "
                "urn:...:User:department.",
                path=attributes[0].extension,
            )
        return Or(tuple(Comparison(path, "pr", None) for path in attributes))

    def _comparison(self, path: AttributePath | None) -> Filter | None:
        operator = self._operator()
        literal = None if operator == "pr" else self._literal()
        if path is None:
            return None
        if self._is_hidden(path):
            return None
        if literal is None or literal.is_null:
            return _presence(path, operator)
        if path.leaf.type == "complex":
            path = _value_of(path)
            if self._is_hidden(path):
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
            comparison = self._comparison(_sub_path(path, sub_name or VALUE))
            if comparison is None:
                return None
            condition = And((condition, comparison))
        return None if path is None else ValuePath(path, condition)

    def _is_hidden(self, path: AttributePath) -> bool:
        """Tell whether a value is never shown, so that a term on it counts as unknown."""
        is_hidden = _is_secret(path)
        if is_hidden and self._is_strict:
            raise InvalidFilter(
                f"{path.text} is never returned, so nothing is selected by it.", path=path.text
            )
        return is_hidden

    def _bracketed(self, path: AttributePath | None) -> Filter:
        """Read a filter in brackets, in which names are those of sub-attributes."""
        if path is not None and not _has_elements(path):
            raise InvalidFilter(
                f"{path.text} has no sub-attributes, so no [filter] applies to it.", path=path.text
            )
        return self._within(partial(_sub_path, path))

    def _within(self, find: Find) -> Filter:
        """Read a filter in brackets, in which names mean something else."""
        outer = self._find, self._find_schema
        self._find, self._find_schema = find, _no_schema
        condition = self._enclosed("[", "]")
        self._find, self._find_schema = outer
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
        if not is_attribute(token.text[1:]):
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
        if token.kind == "word" and _QUOTATION_MARK.search(_APOSTROPHE.sub("", token.text)):
            raise InvalidFilter(
                f"The filter has a quotation mark at character {token.start + 1} that means "
                "nothing here: put the value into a pair of \" or of '."
            )
        self._next += 1
        return token

    def _unknown(self, name: _Token) -> InvalidFilter:
        """Build the error about a name that means nothing."""
        return InvalidFilter(
            f'"{abridged(name.text)}" at character {name.start + 1} is no attribute here, so '
            "nothing is selected by it."
        )

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
        }.get(token.kind, f'"{abridged(token.text)}"')
        raise InvalidFilter(
            f"The filter has {found} at character {token.start + 1}, where {expected} is expected."
        )


def _has_elements(path: AttributePath) -> bool:
    """Tell whether a filter in brackets may follow: on parts, or on the values of a list."""
    is_list = path.sub_attribute is None and path.attribute.multi_valued
    return is_list or path.leaf.type == "complex"


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
    kind = _TEXT if operator in _TEXTUAL else _COMPARED_WITH.get(path.leaf.type, path.leaf)
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
    """Return what a JSON string means; control characters may stand in it as they are.

    Single quotes are read as double ones: many clients write them.
    """
    if "\\" not in text:
        return text[1:-1]
    if text[0] == "'":
        text = f'"{_QUOTE_OR_ESCAPE.sub(_requoted, text[1:-1])}"'
    unquoted: str = json.loads(text, strict=False)
    return unquoted


_QUOTE_OR_ESCAPE = re.compile(r'\\.|"', re.DOTALL)


def _requoted(match: re.Match[str]) -> str:
    return {'"': '\\"', "\\'": "'"}.get(match[0], match[0])
