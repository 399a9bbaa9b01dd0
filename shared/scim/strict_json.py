"""JSON as it is read here: no key twice in an object, and none of Python's constants.

RFC 8259 section 4 leaves open what an object with a key twice means. The parser of Python takes the
last value, and what the first one said would be lost without a word.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from shared.errors import InvalidSyntax
from shared.scim.names import abridged

if TYPE_CHECKING:
    from collections.abc import Callable


class DoubleKeyError(ValueError):
    """An object has a key twice.

    Attributes:
        key: The key.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"an object has the key {json.dumps(key)} twice; leave one out")
        self.key = key


def unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its keys and values.

    Raises:
        DoubleKeyError: A key is there twice.
    """
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise DoubleKeyError(next(name for name in names if names.count(name) > 1))
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


_decode: Callable[[str], Any] = json.JSONDecoder(
    object_pairs_hook=unambiguous, parse_constant=_refuse_constant
).decode


def read(text: str) -> Any:
    """Read a text as JSON.

    Raises:
        InvalidSyntax: An object has a key twice.
        ValueError: The text is not JSON.
        RecursionError: It nests too deeply.
    """
    try:
        return _decode(text)
    except DoubleKeyError as error:
        raise InvalidSyntax(
            f"An object has the key {abridged(error.key)!r} twice, and one of the two would be "
            "lost: send it once."
        ) from None
