"""A name that no schema has, in every place of a filter: nothing is found by it, nothing changed.

A filter is built of terms of which it is known whether they are true, false, or about what no
schema has. The expectation is reckoned from the tree by Kleene's tables, not from the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import pytest

from shared.errors import InvalidFilter, InvalidPath, ScimError
from shared.scim import patch
from shared.scim.core_schemas import ENTERPRISE_USER_SCHEMA, GROUP, USER
from shared.scim.filters import matches, parse_filter
from shared.scim.members import split_members
from shared.scim.messages import parse_patch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.scim.schema import Document

pytestmark = pytest.mark.exhaustive

FALSE, UNDEFINED, TRUE = 0, 1, 2
"""In this order `and` is the least of all, `or` the greatest, and `not` turns it round."""

ANA: Document = {
    "id": "1f",
    "userName": "ana",
    "active": True,
    "title": "Dr",
    "emails": [{"type": "work", "value": "w@x"}, {"type": "home", "value": "h@x"}],
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    ENTERPRISE_USER_SCHEMA: {"department": "R&D"},
}
BARE: Document = {"id": "2f", "userName": "bo"}

TRUE_OF_BOTH = ("userName pr", 'id ne "3f"', "not (nickName pr)")
FALSE_OF_BOTH = ("nickName pr", 'id eq "3f"', "not (userName pr)")
UNKNOWN = (
    'foo eq "x"',
    'foo ne "x"',
    "foo pr",
    "foo eq null",
    'name.foo sw "x"',
    'emails.foo eq "x"',
    "emails.value.foo pr",
    'emails[foo eq "x"]',
    'emails[not (foo eq "x")]',
    'emails[foo pr or foo ne "x"]',
    'emails[type eq "work"].foo eq "x"',
    'foo[bar eq "x"]',
    'foo[type eq "work"].value eq "x"',
    'addresses[foo eq "x"]',
    'schemas[foo eq "x"]',
    'urn:acme:2.0:User:title eq "x"',
    f'{ENTERPRISE_USER_SCHEMA}:foo eq "x"',
    f'{ENTERPRISE_USER_SCHEMA}.foo ne "x"',
    f'{ENTERPRISE_USER_SCHEMA}[foo eq "x"]',
    "members pr",
    'password eq "x"',
    "password pr",
)


@dataclass(frozen=True, slots=True)
class Made:
    """A filter and whether it holds."""

    text: str
    truth: int


def trees(terms: tuple[Made, ...], depth: int) -> Iterator[Made]:
    """Yield every filter of some terms with so many levels of `and`, `or` and `not`."""
    if depth == 0:
        yield from terms
        return
    inner = list(trees(terms, depth - 1))
    for one in inner:
        yield Made(f"not ({one.text})", TRUE - one.truth)
    for one, other in product(inner, inner):
        yield Made(f"({one.text}) and ({other.text})", min(one.truth, other.truth))
        yield Made(f"({one.text}) or ({other.text})", max(one.truth, other.truth))


@cache
def terms(unknown: str) -> tuple[Made, ...]:
    return Made(TRUE_OF_BOTH[0], TRUE), Made(FALSE_OF_BOTH[0], FALSE), Made(unknown, UNDEFINED)


@pytest.mark.parametrize("unknown", UNKNOWN)
@pytest.mark.parametrize("resource", [ANA, BARE], ids=["ana", "bare"])
def test_nothing_is_found_by_an_unknown_name_wherever_it_stands(
    unknown: str, resource: Document
) -> None:
    for depth in (0, 1, 2):
        for made in trees(terms(unknown), depth):
            holds = matches(parse_filter(made.text, USER), resource)
            assert holds is (made.truth == TRUE), made.text


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_neither_a_term_nor_its_opposite_finds_anybody(unknown: str) -> None:
    for text in (unknown, f"not ({unknown})", f"not (not ({unknown}))"):
        for resource in (ANA, BARE):
            assert not matches(parse_filter(text, USER), resource)


IN_BRACKETS = ('foo eq "x"', "foo pr", 'not (foo eq "x")', 'value.foo ne "x"', "emails.type pr")


@pytest.mark.parametrize("unknown", IN_BRACKETS)
def test_within_a_value_path_each_element_is_judged_by_itself(unknown: str) -> None:
    """True, of one element at least, finds the user; undefined of all of them finds nobody."""
    work = 'type eq "work"'
    of_work = (Made(work, TRUE), Made("display pr", FALSE), Made(unknown, UNDEFINED))
    of_home = (Made(work, FALSE), Made("display pr", FALSE), Made(unknown, UNDEFINED))
    for depth in (0, 1, 2):
        for one, other in zip(trees(of_work, depth), trees(of_home, depth), strict=True):
            assert one.text == other.text
            truth = max(one.truth, other.truth)
            for text, holds in (
                (f"emails[{one.text}]", truth == TRUE),
                (f"not (emails[{one.text}])", truth == FALSE),
            ):
                assert matches(parse_filter(text, USER), ANA) is holds, text


@pytest.mark.parametrize("unknown", IN_BRACKETS)
@pytest.mark.parametrize("op", ["add", "replace", "remove"])
@pytest.mark.parametrize("rest", ["", ".value", ".display", ".foo"])
def test_a_path_that_selects_by_an_unknown_name_is_refused(
    unknown: str, op: str, rest: str
) -> None:
    inner = (Made('type eq "work"', TRUE), Made(unknown, UNDEFINED))
    for depth in (0, 1, 2):
        for made in trees(inner, depth):
            if unknown not in made.text:
                continue
            operation = {"op": op, "path": f"emails[{made.text}]{rest}", "value": "n@x"}
            with pytest.raises(InvalidPath):
                patch.apply(USER, ANA, parse_patch({"Operations": [operation]}))
            if op != "remove":
                without_path = {"op": op, "value": {operation["path"]: "n@x"}}
                with pytest.raises(InvalidPath):
                    patch.apply(USER, ANA, parse_patch({"Operations": [without_path]}))


@pytest.mark.parametrize("unknown", IN_BRACKETS)
def test_a_path_of_members_that_selects_by_an_unknown_name_is_refused(unknown: str) -> None:
    inner = (Made('value eq "u1"', TRUE), Made(unknown, UNDEFINED))
    for depth in (0, 1, 2):
        for made in trees(inner, depth):
            if unknown in made.text:
                operation = {"op": "remove", "path": f"members[{made.text}]"}
                with pytest.raises(InvalidPath):
                    split_members(GROUP, parse_patch({"Operations": [operation]}))


# --- Names that are none ---------------------------------------------------------------------

NO_NAMES = (
    *("userName:", "userName.", "userName,title", "/userName", "@type", "9x", "_x", "$", "x.$"),
    *("$.title", "user..name", f"{ENTERPRISE_USER_SCHEMA}..department", "user;name", "a=b"),
    *(f"{ENTERPRISE_USER_SCHEMA}{end}" for end in ("/department", "#department", "department")),
)


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_name_is_refused_wherever_it_stands(name: str) -> None:
    for term in (f'{name} eq "x"', f"{name} pr", f'{name}[type eq "x"]', f"{name} eq null"):
        for text in (term, f"not ({term})", f"userName pr or {term}", f"({term}) and title pr"):
            with pytest.raises(InvalidFilter):
                parse_filter(text, USER)


@pytest.mark.parametrize("name", NO_NAMES[:12])
def test_what_is_no_name_is_refused_in_brackets(name: str) -> None:
    for text in (
        f'emails[{name} eq "x"]',
        f'emails[not ({name} eq "x")].value eq "x"',
        f'emails[type eq "work"].{name} eq "x"',
        f'{ENTERPRISE_USER_SCHEMA}[{name} eq "x"]',
    ):
        with pytest.raises(InvalidFilter):
            parse_filter(text, USER)


def test_a_list_has_a_value_where_an_element_has_more_than_labels() -> None:
    """RFC 7644 section 3.4.2.2: `pr` asks for a non-empty value, or a node that is not empty."""
    labelled: Document = {
        "phoneNumbers": [{"type": "home", "display": "x"}],
        "addresses": [{"type": "home", "primary": True}],
    }
    for name in ("phoneNumbers", "addresses"):
        for text, holds in ((f"{name} pr", False), (f"{name} eq null", True)):
            assert matches(parse_filter(text, USER), labelled) is holds
            assert matches(parse_filter(f"not ({text})", USER), labelled) is not holds
        assert matches(parse_filter(f'{name}[type eq "home"]', USER), labelled)
        assert matches(parse_filter(f"{name}.type pr", USER), labelled)
    with_value = {"phoneNumbers": [{"value": "1"}], "addresses": [{"country": "BE"}]}
    assert matches(parse_filter("phoneNumbers pr and addresses pr", USER), with_value)


# --- Quotation marks --------------------------------------------------------------------------

QUOTED = {
    "straight": '"{}"',
    "single": "'{}'",
    "none": "{}",
}
NOT_QUOTED = {
    "typographic": "\u201c{}\u201d",
    "typographic single": "\u2018{}\u2019",
    "low": "\u201e{}\u201c",
    "backtick": "`{}`",
    "acute": "\u00b4{}\u00b4",
    "guillemets": "\u00ab{}\u00bb",
    "single guillemets": "\u2039{}\u203a",
    "full width": "\uff02{}\uff02",
    "primes": "\u2033{}\u2033",
    "doubled": '""{}""',
    "doubled single": "''{}''",
    "entity": "&quot;{}&quot;",
    "numeric entity": "&#34;{}&#34;",
    "hexadecimal entity": "&#x27;{}&#x27;",
    "encoded": "%22{}%22",
    "escaped": '\\"{}\\"',
    "escaped single": "\\'{}\\'",
    "unpaired": "'{}",
    "unpaired at the end": "{}'",
    "unpaired double": '"{}',
    "unpaired double at the end": '{}"',
    "mixed": "'{}\"",
    "mixed the other way": "\"{}'",
    "typographic at the end": "{}\u201d",
}
PLACES = (
    "userName eq {}",
    "not (userName eq {})",
    'title eq "x" or userName eq {}',
    "userName eq {} or title pr",
    "emails[type eq {}]",
    'emails[type eq {}].value eq "w@x"',
    "emails[type eq {}].value eq {}",
    "foo eq {}",
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", ["ana", "work"])
@pytest.mark.parametrize("quotes", QUOTED.values(), ids=QUOTED)
def test_a_value_in_straight_quotes_is_read(place: str, value: str, quotes: str) -> None:
    literals = place.count("{}")
    text = place.format(*[quotes.format(value)] * literals)
    plain = place.format(*[f'"{value}"'] * literals)
    assert matches(parse_filter(text, USER), ANA) is matches(parse_filter(plain, USER), ANA)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("quotes", NOT_QUOTED.values(), ids=NOT_QUOTED)
def test_any_other_quotation_mark_is_refused(place: str, quotes: str) -> None:
    text = place.format(*[quotes.format("ana")] * place.count("{}"))
    with pytest.raises(InvalidFilter):
        parse_filter(text, USER)


@pytest.mark.parametrize("quotes", NOT_QUOTED.values(), ids=NOT_QUOTED)
@pytest.mark.parametrize("op", ["add", "replace", "remove"])
def test_any_other_quotation_mark_in_a_path_is_refused(quotes: str, op: str) -> None:
    for of, name in ((USER, "emails[type eq {}]"), (USER, "emails[type eq {}].value")):
        operation = {"op": op, "path": name.format(quotes.format("work")), "value": "n@x"}
        with pytest.raises(InvalidPath):
            patch.apply(of, ANA, parse_patch({"Operations": [operation]}))
    operation = {"op": op, "path": f"members[value eq {quotes.format('u1')}]"} | (
        {} if op == "remove" else {"value": "x"}
    )
    with pytest.raises(ScimError):
        split_members(GROUP, parse_patch({"Operations": [operation]}))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("userName eq o'hara", "o'hara"),
        ("userName eq o\u2019hara", "o\u2019hara"),
        ("userName eq l'h'x", "l'h'x"),
        ('userName eq "o\'hara"', "o'hara"),
        ("userName eq \"'ana'\"", "'ana'"),
        ('userName eq "\u201cana\u201d"', "\u201cana\u201d"),
        ("userName eq 'o\\'hara'", "o'hara"),
        ("userName eq 'say \"hi\"'", 'say "hi"'),
        ("userName eq 'say \\\"hi\\\"'", 'say "hi"'),
        ("userName eq 'a\\\\b'", "a\\b"),
        ("userName eq '\\u00e9'", "é"),
        ("userName eq 'a b'", "a b"),
        ("userName eq R&D", "R&D"),
        ("userName eq a%2Bb", "a%2Bb"),
    ],
)
def test_a_quotation_mark_that_is_part_of_a_value_is_kept(text: str, meant: str) -> None:
    assert matches(parse_filter(text, USER), {"userName": meant})
