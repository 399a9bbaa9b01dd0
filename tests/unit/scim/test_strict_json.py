"""JSON is read only where it has one meaning."""

from __future__ import annotations

import pytest

from shared.errors import InvalidSyntax
from shared.scim import strict_json


def test_json_is_read_as_it_is() -> None:
    read = strict_json.read('{"a": [1, 2.5, true, null, "x", {}], "A": {}}')
    assert read == {"a": [1, 2.5, True, None, "x", {}], "A": {}}


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 1}', '[{"b": {"a": 1, "x": 2, "a": 2}}]', '{"a": 1, "\\u0061": 2}']
)
def test_a_key_that_is_there_twice_is_refused_and_named(text: str) -> None:
    with pytest.raises(InvalidSyntax, match="key 'a' twice"):
        strict_json.read(text)


def test_a_long_key_that_is_there_twice_is_not_repeated_whole() -> None:
    key = "k" * 5_000
    with pytest.raises(InvalidSyntax) as refused:
        strict_json.read(f'{{"{key}": 1, "{key}": 2}}')
    assert len(refused.value.detail) < 300


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}'])
def test_the_constants_of_python_are_no_json(text: str) -> None:
    with pytest.raises(ValueError, match="is no JSON value"):
        strict_json.read(text)
