"""Cursors: where a page ended, in a form that only this service writes and reads (RFC 9865).

The service keeps nothing of a cursor, and has no key of its own. Cursors are sealed with keys made
of the tenant's tokens, which every instance knows and no one else: with that of the request's own
token, and opened with that of any token that is valid for the tenant.
"""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shared.errors import ExpiredCursor, InvalidCount, InvalidCursor
from shared.scim.discovery import CURSOR_SECONDS
from shared.scim.queries import Query
from shared.scim.sorting import SortValue

_SEAL_BYTES = 32


@dataclass(frozen=True, slots=True)
class CursorPosition:
    """What a page ended with.

    Attributes:
        resource_type: name of the type of the last resource that was looked at.
        id: its id.
        value: what it was sorted by; None where the query sorts by nothing.
        total: how many resources the query finds, as far as that was known at the first page.
    """

    resource_type: str
    id: str
    value: SortValue | None = None
    total: int | None = None


class Cursors:
    """The cursors of one query of one tenant; few queries use any, so nothing is made before."""

    def __init__(
        self, keys: Sequence[bytes], tenant: str, searched: Sequence[str], query: Query
    ) -> None:
        """Prepare to write and read cursors.

        Args:
            keys: secrets that the tenant's tokens share with every instance; the first one seals.
            tenant: whose resources are listed.
            searched: names of the resource types that the endpoint searches.
            query: what is asked for; a cursor is good for the same query alone, but for `count`,
                about which it says more (`InvalidCount`).
        """
        self._secrets = keys
        self._tenant = tenant
        self._searched = searched
        self._asked = query

    @cached_property
    def _keys(self) -> list["_Keys"]:
        return [_Keys.of(secret, self._tenant) for secret in self._secrets]

    @cached_property
    def _query(self) -> bytes:
        """A digest of what the query finds and shows: all of it but `count`."""
        asked = self._asked
        parts = (
            *self._searched,
            asked.filter,
            asked.sort_by,
            asked.descending,
            asked.attributes,
            asked.excluded_attributes,
        )
        return hashlib.sha256(json.dumps(parts).encode()).digest()

    def write(self, position: CursorPosition) -> str:
        """Write the cursor of the page behind a position, good for `CURSOR_SECONDS` from now."""
        fields = {
            "until": int(time.time()) + CURSOR_SECONDS,
            "count": self._asked.count,
            "type": position.resource_type,
            "id": position.id,
            "value": position.value,
            "total": position.total,
        }
        text = json.dumps(fields, separators=(",", ":")).encode()
        keys = self._keys[0]
        seal = keys.seal(self._query + text)
        return _written(seal + keys.hide(seal, text))

    def read(self, cursor: str) -> CursorPosition:
        """Read a cursor that `write` wrote.

        Raises:
            InvalidCursor: it was altered or made up, or is that of another query or tenant.
            ExpiredCursor: it is older than `CURSOR_SECONDS`.
            InvalidCount: it is of this query, but of another `count`.
        """
        fields = self._opened(cursor)
        if fields["until"] < time.time():
            raise ExpiredCursor(
                f"The cursor is older than {CURSOR_SECONDS} seconds. Begin again with an empty one."
            )
        if fields["count"] != self._asked.count:
            raise InvalidCount(
                f"count must be {fields['count']}, as it was for the first page of this cursor.",
                path="count",
            )
        value = fields["value"]
        return CursorPosition(
            fields["type"], fields["id"], value and SortValue(*value), fields["total"]
        )

    def _opened(self, cursor: str) -> dict[str, Any]:
        sealed = _read(cursor)
        seal, hidden = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
        for keys in self._keys:
            text = keys.hide(seal, hidden)
            if hmac.compare_digest(seal, keys.seal(self._query + text)):
                fields: dict[str, Any] = json.loads(text)
                return fields
        raise _invalid()


@dataclass(frozen=True, slots=True)
class _Keys:
    """What is made of the digest of one token, for one tenant."""

    sealing: bytes
    hiding: bytes

    @classmethod
    def of(cls, key: bytes, tenant: str) -> "_Keys":
        uses = (f"scim cursor, {use}, {tenant}".encode() for use in ("seal", "hide"))
        return cls(*(hmac.digest(key, use, "sha256") for use in uses))

    def seal(self, text: bytes) -> bytes:
        """Sign a text."""
        return hmac.digest(self.sealing, text, "sha256")

    def hide(self, seal: bytes, text: bytes) -> bytes:
        """Hide a text, or show it again: RFC 9865 section 5.2 wants cursors that tell nothing.

        A cursor may hold the value of the last resource's attribute, and URLs are logged. The seal
        differs with every text, so that no two are hidden by the same bytes.
        """
        stream = hashlib.shake_256(self.hiding + seal).digest(len(text))
        return bytes(one ^ other for one, other in zip(text, stream, strict=True))


def _written(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _read(cursor: str) -> bytes:
    """Read base64 in the one way in which it is written."""
    try:
        sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise _invalid() from None
    if _written(sealed) != cursor:
        raise _invalid()
    return sealed


def _invalid() -> InvalidCursor:
    return InvalidCursor(
        "The cursor is not one of this query and this token. Send the nextCursor of the page "
        "before with every other parameter as it was, or begin again with an empty cursor."
    )
