"""RFC 6750 section 2.1 and RFC 9110 section 11.4: what is read as a bearer token."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.auth.tokens import bearer_token, unauthorized
from shared.errors import Unauthorized

TOKEN = "abcDEF-._~+/0123456789=="


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer {TOKEN}",
        f"bearer {TOKEN}",
        f"BEARER {TOKEN}",
        f"Bearer    {TOKEN}",
        f"  Bearer {TOKEN}\t ",
    ],
)
def test_the_scheme_has_no_case_and_spaces_are_generous(header: str | None) -> None:
    assert bearer_token(header) == TOKEN


@pytest.mark.parametrize(
    "token",
    ["x" * 16, "x" * 4096, "customers'-own:choice,of;signs!", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"],
)
def test_a_token_is_any_visible_ascii_from_16_to_4096_characters(token: str) -> None:
    assert bearer_token(f"Bearer {token}") == token


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Bearer{TOKEN}",
        f"Bearer\t{TOKEN}",
        f"Bearer:{TOKEN}",
        f"Bearer={TOKEN}",
        f"Basic {TOKEN}",
        f"Token {TOKEN}",
        f"Bearer Bearer {TOKEN}",
        f"Bearer {TOKEN} {TOKEN}",
        f"Bearer {TOKEN}, Bearer {TOKEN}",
        f"Bearer {TOKEN},Bearer {TOKEN}",
        f"Basic dXNlcg==, Bearer {TOKEN}",
        f'Bearer realm="scim", token="{TOKEN}"',
        "Bearer short",
        f"Bearer {'x' * 4097}",
        f"Bearer {'x' * 1_000_000}",
        f"Bearer {' ' * 100_000}",
        f"Bearer {TOKEN}\nX-Injected: 1",
        f"Bearer {TOKEN}\x00",
        f"Bearer {TOKEN}é",
        f"Bearer {TOKEN}\ud800",
        f"Bearer\u00a0{TOKEN}",
        f"Beаrer {TOKEN}",  # noqa: RUF001 - the scheme with a Cyrillic letter is what is tested
    ],
)
def test_whatever_else_comes_gets_the_one_answer(header: str | None) -> None:
    with pytest.raises(Unauthorized) as refusal:
        bearer_token(header)
    assert refusal.value.message() == unauthorized().message()
    assert refusal.value.__cause__ is None


PIECES = st.sampled_from(
    [
        "Bearer",
        "bearer",
        "BEARER",
        "Basic",
        "Token",
        TOKEN,
        " ",
        "  ",
        "\t",
        ",",
        ";",
        "=",
        ":",
        '"',
    ]
)
HEADERS = (
    st.text(max_size=60)
    | st.lists(PIECES, max_size=8).map("".join)
    | st.binary(max_size=60).map(lambda sent: sent.decode("latin-1"))
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A header that was right before some of its characters were replaced, lost or added."""
    characters = list(f"Bearer {TOKEN}")
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(characters) - 1))
        characters[place : place + draw(st.integers(0, 2))] = draw(st.text(max_size=2))
    return "".join(characters)


@settings(deadline=None, max_examples=300)
@given(header=HEADERS | damaged())
@example(f"Bearer \x1f{TOKEN}")
@example(f"Bearer {TOKEN}\x7f")
@example(f"Bearer\u2003{TOKEN}")
@example(f"\u0131Bearer {TOKEN}")
@example(f"Bearer {TOKEN}\x85")
@example(f"Bearer {TOKEN}\r\n")
def test_what_is_taken_for_a_token_is_the_one_word_after_bearer_and_a_space(header: str) -> None:
    try:
        token = bearer_token(header)
    except Unauthorized:
        return
    scheme, space, rest = header.strip(" \t").partition(" ")
    assert (scheme.lower(), space) == ("bearer", " ")
    assert rest.strip(" ") == token
    assert 16 <= len(token) <= 4096
    assert all("!" <= character <= "~" for character in token)
