"""Bodies: what is read as JSON, and in which words the rest is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.errors import InvalidSyntax, PayloadTooLarge, ScimError, UnsupportedMediaType
from shared.web.bodies import MAX_BODY_DEPTH, parse_body

LIMIT = 1_000_000


def nested(levels: int, innermost: str = "") -> bytes:
    return b"[" * levels + innermost.encode() + b"]" * levels


def refusal(body: bytes, content_type: str | None = "application/scim+json") -> ScimError:
    with pytest.raises(ScimError) as caught:
        parse_body(body, content_type, LIMIT)
    return caught.value


@pytest.mark.parametrize(
    "content_type",
    [
        "application/scim+json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
        None,
    ],
)
def test_what_is_json_is_read_whatever_it_is_called(content_type: str | None) -> None:
    assert parse_body(b'{"userName": "ana"}', content_type, LIMIT) == {"userName": "ana"}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ('\ufeff{"a": "ü"}'.encode(), {"a": "ü"}),
        (b' \r\n{"a": "\\ud83d\\ude00"}\n', {"a": "😀"}),
        (rb'{"a": "\\ud800"}', {"a": r"\ud800"}),
        (b'"text"', "text"),
        (b"null", None),
    ],
    ids=["byte order mark", "pair", "text about an escape", "string", "null"],
)
def test_odd_but_valid_json_is_read(body: bytes, value: Any) -> None:
    assert parse_body(body, None, LIMIT) == value


@pytest.mark.parametrize("body", [b"", b" \r\n\t"])
def test_an_empty_body_is_refused_with_a_word_about_its_length(body: bytes) -> None:
    error = refusal(body)
    assert isinstance(error, InvalidSyntax)
    assert "Content-Length" in error.detail


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{'a': 1}", "line 1, column 2"),
        (b'{"a": 1}\n}', "Extra data at line 2, column 1"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "byte 7 is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "byte 0 is not UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "line 1, column 2"),
        (b'{"a": NaN}', "a number or a constant that JSON does not have"),
        (b'{"a": -Infinity}', "a number or a constant that JSON does not have"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "a number or a constant that JSON does not have"),
        (rb'{"a": "\ud800"}', "an escaped surrogate without its other half"),
        (rb'{"\uDFFF": 1}', "an escaped surrogate without its other half"),
        (nested(100_000), "it nests too deeply"),
        (b'{"a":' * 100_000, "it nests too deeply"),
        (b"\x00", "line 1, column 1"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_not_json_is_refused_with_the_problem(body: bytes, problem: str) -> None:
    error = refusal(body)
    assert isinstance(error, InvalidSyntax)
    assert problem in error.detail
    assert error.detail.endswith("Send one JSON object, in UTF-8.")


def test_a_refusal_does_not_repeat_the_body() -> None:
    assert "Ruiz" not in refusal(b'{"displayName": "Ana Ruiz" oops').detail


@pytest.mark.parametrize("content_type", ["text/xml", "application/x-www-form-urlencoded"])
def test_another_format_is_an_unsupported_media_type(content_type: str) -> None:
    error = refusal(b"<user/>", content_type)
    assert isinstance(error, UnsupportedMediaType)
    assert "application/scim+json" in error.detail


@pytest.mark.parametrize("content_type", ["application/json;charset=latin-1", "", None])
def test_broken_json_is_a_syntax_error_where_no_other_format_is_named(
    content_type: str | None,
) -> None:
    assert isinstance(refusal(b"<user/>", content_type), InvalidSyntax)


@pytest.mark.parametrize("innermost", ["", "1", "{}"])
def test_nesting_is_read_up_to_the_bound_and_no_further(innermost: str) -> None:
    allowed = MAX_BODY_DEPTH - (innermost == "{}")
    siblings = b"[[], " + nested(allowed - 1, innermost) + b", []]"
    assert parse_body(siblings, None, LIMIT)[0] == []
    deeper = b"[[], " + nested(allowed, innermost) + b"]"
    assert f"more than {MAX_BODY_DEPTH} levels" in refusal(deeper).detail


def test_width_is_not_depth() -> None:
    wide = json.dumps([{"a": [1]} for _ in range(1_000)]).encode()
    assert len(parse_body(wide, None, LIMIT)) == 1_000
    brackets = json.dumps({"displayName": "[{" * 500}).encode()
    assert parse_body(brackets, None, LIMIT) == {"displayName": "[{" * 500}


def test_the_limit_is_of_bytes_and_is_named() -> None:
    body = '"ü"'.encode()
    assert parse_body(body, None, len(body)) == "ü"
    with pytest.raises(PayloadTooLarge, match="4 bytes; at most 3 are allowed"):
        parse_body(body, None, len(body) - 1)
