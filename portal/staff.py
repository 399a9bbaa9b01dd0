"""The vendor's staff: who they are, by the headers of App Service authentication.

The platform takes these headers out of every request and writes its own, but only where its
authentication is on. Where it is off anybody can send them. So they count where the template has
said that it is on (`SCIM_PORTAL_STAFF`) and the platform says so too, and never on a machine of a
developer.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from portal.refusals import PageRefusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.settings import Settings

PRINCIPAL: Final = "x-ms-client-principal"
PROVIDER: Final = "x-ms-client-principal-idp"
PLATFORM_SIGN: Final = "WEBSITE_AUTH_ENABLED"
"""What the platform sets in the environment where its authentication is on. It is no setting."""

_ENTRA: Final = "aad"
_MOST_CHARACTERS: Final = 65_536
_SHOWN_CHARACTERS: Final = 80
_ROLE_TYPES: Final = frozenset(
    {"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}
)
_ID_TYPES: Final = frozenset(
    {"oid", "http://schemas.microsoft.com/identity/claims/objectidentifier"}
)
_HEX: Final = frozenset("0123456789abcdef")
_NAME_TYPES: Final = ("name", "preferred_username")


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Who of the vendor's staff visits.

    Attributes:
        id: object id in the vendor's directory, or of the one-time link of this machine.
        name: as the pages show it to this person; in no log.
    """

    id: str
    name: str

    @property
    def label(self) -> str:
        """What the log and the change rows call this person."""
        return f"staff/{self.id}"


def signed_in_member(headers: Mapping[str, str], settings: Settings) -> StaffMember | None:
    """Read who has signed in; None where nobody has.

    Raises:
        PageRefusal: the platform does not vouch for the headers, or the person lacks the role.
    """
    if os.environ.get(PLATFORM_SIGN, "").strip().lower() not in {"true", "1"}:
        raise PageRefusal(503, "staff_not_vouched_for")
    claims = _claims_of(headers)
    ids = [value for type_, value in claims if type_ in _ID_TYPES]
    if not ids or not _is_plain(ids[0]):
        return None
    if settings.portal_staff_role not in {value for type_, value in claims if type_ in _ROLE_TYPES}:
        raise PageRefusal(403, "staff_role_missing")
    return StaffMember(ids[0].lower(), _name_in(claims))


def _claims_of(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Read the claims of a principal of Entra; none where there is no such principal."""
    text = headers.get(PRINCIPAL, "")
    if headers.get(PROVIDER, "") != _ENTRA or not text or len(text) > _MOST_CHARACTERS:
        return []
    try:
        principal = json.loads(b64decode(text, validate=True))
    except (ValueError, RecursionError):
        return []
    if not isinstance(principal, dict) or principal.get("auth_typ") != _ENTRA:
        return []
    return list(_pairs(principal.get("claims")))


def _pairs(claims: Any) -> Iterator[tuple[str, str]]:
    for each in claims if isinstance(claims, list) else []:
        if isinstance(each, dict):
            type_, value = each.get("typ"), each.get("val")
            if isinstance(type_, str) and isinstance(value, str):
                yield type_, value


def _is_plain(object_id: str) -> bool:
    """Tell whether an object id is one: hexadecimal digits with dashes, as logs can hold it."""
    digits = object_id.replace("-", "")
    return len(object_id) == 36 and len(digits) == 32 and set(digits.lower()) <= _HEX


def _name_in(claims: list[tuple[str, str]]) -> str:
    by_type = dict(reversed(claims))
    found = next((by_type[type_] for type_ in _NAME_TYPES if by_type.get(type_)), "")
    return found[:_SHOWN_CHARACTERS]
