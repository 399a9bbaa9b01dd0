"""Key sets of other issuers (RFC 7517): fetched, remembered, and asked for again with a bound."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shared.auth.cached import Cached, Keeping, ReadingError, Waits
from shared.clock import Clock
from shared.errors import Unavailable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Collection, Mapping

    from shared.oauth.trusts import Trust

RENEW_KEYS_SECONDS = 60.0
"""How often an unknown key has a set fetched again at most."""

MAX_SET_BYTES = 262_144
MAX_KEYS = 100

_KEEPING = Keeping(fresh_seconds=3_600.0, last_good_seconds=86_400.0)
_WAITS = Waits(known=2.0, unknown=5.0, reading=5.0)

KeySet = dict[str, dict[str, Any]]
"""Keys for signatures by their ids."""


class KeySets:
    """The keys of the issuers that are trusted.

    A set serves for an hour; one that is older serves while it is fetched again, for a day at most.
    Only addresses of trusts are fetched, on hosts that the settings name; redirects are not
    followed. So nobody can have this service ask for anything else, or for it more than once in a
    minute.
    """

    def __init__(
        self,
        hosts: Collection[str],
        clock: Clock | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare, without fetching.

        Args:
            hosts: From which keys may be fetched; with the port if it is not 443.
            clock: The time by which sets age.
            tls: Whom to trust; the authorities of the system when not given.
        """
        self._hosts = hosts
        self._clock = clock or Clock()
        self._tls = tls
        self._sets: dict[str, Cached[KeySet]] = {}
        self._renewed_at: dict[str, float] = {}

    async def key(self, trust: Trust, key_id: str) -> Mapping[str, Any] | None:
        """Return a key of an issuer; None if it has none of that id.

        Raises:
            Unavailable: The keys were never read, or not for a day.
        """
        if trust.host not in self._hosts:
            return None
        kept = self._remembered(trust.jwks_uri)
        await self._refresh(kept)
        if key_id not in _value(kept) and self._may_renew(trust.jwks_uri):
            await kept.renew()
        return _value(kept).get(key_id)

    def prefetch(self, trust: Trust) -> None:
        """Begin to fetch the keys of an issuer, unless they were; a token of it waits for that."""
        if trust.host in self._hosts:
            kept = self._remembered(trust.jwks_uri)
            if not kept.is_fresh:
                kept.begin()

    async def close(self) -> None:
        """End what is being fetched."""
        for kept in self._sets.values():
            await kept.close()

    async def _refresh(self, kept: Cached[KeySet]) -> None:
        """Fetch a set again when it is old; whoever has one at hand does not wait for it."""
        if kept.is_fresh:
            return
        if kept.value is None:
            await kept.renew()
        else:
            kept.begin()

    def _may_renew(self, uri: str) -> bool:
        now = self._clock.steady()
        if now - self._renewed_at.get(uri, -RENEW_KEYS_SECONDS) < RENEW_KEYS_SECONDS:
            return False
        self._renewed_at[uri] = now
        return True

    def _remembered(self, uri: str) -> Cached[KeySet]:
        """Return what is remembered of an address; there are as many as there are trusts."""
        if uri not in self._sets:
            # What was just fetched is not fetched again for a key that it has not.
            self._renewed_at[uri] = self._clock.steady()

            async def read(_: KeySet | None) -> KeySet:
                return await self._fetch(uri)

            what = f"the keys at {uri}"
            self._sets[uri] = Cached(what, read, self._clock, _WAITS, _KEEPING)
        return self._sets[uri]

    async def _fetch(self, uri: str) -> KeySet:
        # Imported here: only who trusts another issuer needs it.
        from aiohttp import ClientSession, ClientTimeout  # noqa: PLC0415 - see above

        async with (
            ClientSession(timeout=ClientTimeout(total=_WAITS.reading), trust_env=False) as session,
            session.get(uri, allow_redirects=False, ssl=self._tls or True) as response,
        ):
            if response.status != 200:
                raise ReadingError(f"{response.status} instead of a key set")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_SET_BYTES:
                    raise ReadingError("it is larger than a key set needs to be")
        return _key_set(body)


def _key_set(body: bytearray) -> KeySet:
    """Read a key set; keys that are not for signatures, or have no id, are passed over.

    Raises:
        ReadingError: It is none.
    """
    try:
        read = json.loads(body)
        listed = read["keys"]
        signing = [key for key in listed if key.get("use", "sig") == "sig"]
        found = {key["kid"]: key for key in signing if isinstance(key.get("kid"), str)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ReadingError("it is no key set") from error
    if len(found) > MAX_KEYS:
        raise ReadingError(f"it has more than {MAX_KEYS} keys")
    return found


def _value(kept: Cached[KeySet]) -> KeySet:
    value = kept.value
    if value is None:
        raise Unavailable(
            "The keys of the issuer cannot be read at present; send the same request again later.",
            retry_after=kept.retry_after,
        )
    return value
