"""Declarations: what a body says that it is, in its `schemas` (RFC 7644 section 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.errors import InvalidSyntax
from shared.scim import strict_json
from shared.scim.names import abridged
from shared.scim.values import elements

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from shared.scim.schema import ResourceType

_BEGINS_AS_JSON = ("[", "{", '"')
_MESSAGES = "urn:ietf:params:scim:api:messages:2.0:"
_CORE = "urn:ietf:params:scim:schemas:core:2.0:"
CORE_SCHEMAS = frozenset(
    f"{_CORE}{name}".lower()
    for name in ("User", "Group", "Schema", "ResourceType", "ServiceProviderConfig")
)
"""URNs, in lower case, of the schemas of RFC 7643 that tell types apart."""


def check(body: dict[str, Any], own: str, others: Collection[str] = ()) -> None:
    """Refuse a body that says it is something else than what is wanted here.

    The endpoint and the method tell what a body is, so `schemas` may be missing or empty, and may
    name extensions and schemas of others, as Entra's does. Only one that names another type or
    message and not its own was sent to the wrong place.

    Args:
        body: The body.
        own: URN of the schema or message that is wanted.
        others: URNs, in lower case, of further schemas that are those of other types.

    Raises:
        InvalidSyntax: It says so, or its `schemas` holds something else than texts.
    """
    named = {urn.lower() for urn in _named(body, own)}
    if not named or named & {own.lower(), _without_last_colon(own)}:
        return
    if any(urn in CORE_SCHEMAS or urn.startswith(_MESSAGES) or urn in others for urn in named):
        raise InvalidSyntax(
            f"The schemas of the body name something else than what is expected here: put {own} "
            "into them, or send the body to its own endpoint."
        )


def others_than(body: dict[str, Any], own: str) -> bool:
    """Tell whether `schemas` names anything else than a schema or message."""
    return any(
        urn.lower() not in {own.lower(), _without_last_colon(own)} for urn in _named(body, own)
    )


def check_declared(body: dict[str, Any], own: str) -> None:
    """Refuse a body that does not say what it is, as the interoperability profile asks.

    Args:
        body: The body.
        own: URN of the schema or message that its `schemas` is to name (RFC 7643 section 3).

    Raises:
        InvalidSyntax: It names it not.
    """
    if not {urn.lower() for urn in _named(body, own)} & {own.lower(), _without_last_colon(own)}:
        raise InvalidSyntax(
            f"The schemas of the body do not name {own}, and this tenant has the profile interop, "
            f'which asks for it: send "schemas": ["{own}"].'
        )


def check_known(body: dict[str, Any], of: ResourceType) -> None:
    """Refuse a body of a closed type whose `schemas` names what the type has not, or not the type.

    Raises:
        InvalidSyntax: It does.
    """
    check_declared(body, of.schema.id)
    for urn in _named(body, of.schema.id):
        if of.schema_of(urn) is None:
            raise InvalidSyntax(
                f"{abridged(urn)!r} is no schema of a {of.name}, and this tenant has the profile "
                "interop, by which unknown schemas are refused: leave it out. /ResourceTypes lists "
                "those that there are."
            )


def _named(body: dict[str, Any], own: str) -> Iterator[str]:
    for name, value in body.items():
        if name.lower() == "schemas":
            yield from _urns(value, own)


def _urns(value: Any, own: str) -> Iterator[str]:
    """Yield the URNs in a list, in JSON as text, or in a text with blanks or commas between."""
    for text in elements(value):
        if not isinstance(text, str):
            raise _not_urns(own)
        if text.lstrip().startswith(_BEGINS_AS_JSON):
            yield from _urns(_unpacked(text, own), own)
        else:
            yield from text.replace(",", " ").split()


def _unpacked(text: str, own: str) -> Any:
    try:
        return strict_json.read(text)
    except (ValueError, RecursionError):
        raise _not_urns(own) from None


def _not_urns(own: str) -> InvalidSyntax:
    return InvalidSyntax(f"schemas takes a list of URNs, such as {own}.")


def _without_last_colon(urn: str) -> str:
    """Write a URN as Entra's older samples do: `...:2.0User`."""
    head, _, tail = urn.lower().rpartition(":")
    return head + tail
