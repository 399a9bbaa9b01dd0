"""Tokens from Key Vault: the newest two valid versions of a tenant's secret open the tenant."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from shared import tenants
from shared.auth.cached import Cached
from shared.auth.clock import Clock, Waits
from shared.auth.tokens import (
    VALID_TOKENS,
    Caller,
    bearer_token,
    digest_of,
    matching,
    unauthorized,
)
from shared.scim.errors import Unavailable

if TYPE_CHECKING:
    from shared.auth.key_vault import SecretVersion, Vault

RENEW_SECONDS = 30.0
EXPIRY_NOTICE_SECONDS = 30 * 86_400.0
NOTICE_EVERY_SECONDS = 86_400.0

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept: never itself. Times in POSIX seconds."""

    version: str
    label: str
    digest: bytes
    not_before: float
    expires: float

    def is_valid(self, now: float) -> bool:
        """Say whether the token opens its tenant now; Key Vault itself does not look at this."""
        return self.not_before <= now < self.expires


_Tokens = tuple[Token, ...]


@dataclass(slots=True)
class _Tenant:
    """What is remembered of a tenant, and when a wrong token last made it be read again."""

    tokens: Cached[_Tokens]
    renewed_at: float = -math.inf


class VaultTokens:
    """Checks bearer tokens against a vault, of which it remembers what it read.

    What is remembered is a minute old at most: the tenants (names of enabled secrets), and of each
    tenant that was called its tokens. Only a token that matches nothing makes its tenant be read
    earlier, once in 30 s, so that a new token is accepted at once and wrong ones are no burden on
    the vault. While the vault fails, what was read last serves for an hour.
    """

    def __init__(
        self, vault: Vault, *, clock: Clock | None = None, waits: Waits | None = None
    ) -> None:
        """Prepare, without reading.

        Args:
            vault: Where the tokens are; closed with this object.
            clock: The time by which tokens begin, expire and age.
            waits: How long requests wait for the vault.
        """
        self._vault = vault
        self._clock = clock or Clock()
        self._waits = waits or Waits()
        self._names = Cached("the tenants", self._read_names, self._clock, self._waits)
        self._tenants: dict[str, _Tenant] = {}
        self._noticed_at: dict[str, float] = {}

    async def authenticate(self, tenant: str | None, authorization: str | None) -> Caller:
        """Return the caller of a request; see `Authenticator.authenticate`."""
        digest = digest_of(bearer_token(authorization))
        known = await _current(self._names)
        if tenant is None or tenant not in known:
            # The vault is not asked about it, but the comparing is that of a known tenant.
            self._matching(digest, ())
            raise unauthorized()
        remembered = self._remembered(tenant)
        token = await self._match(remembered, digest)
        if token is None:
            raise unauthorized()
        valid = [each.digest for each in remembered.tokens.value or () if self._is_valid(each)]
        keys = dict.fromkeys((token.digest, *valid[:VALID_TOKENS]))
        return Caller(tenant, token.label, tuple(keys))

    async def close(self) -> None:
        """End what is being read and close the vault."""
        await self._names.close()
        for tenant in self._tenants.values():
            await tenant.tokens.close()
        await self._vault.close()

    async def _match(self, tenant: _Tenant, digest: bytes) -> Token | None:
        readings = tenant.tokens.readings
        token = self._matching(digest, await _current(tenant.tokens))
        if token is None and tenant.tokens.readings == readings and self._may_renew(tenant):
            await tenant.tokens.renew()
            token = self._matching(digest, await _current(tenant.tokens))
        return token

    def _matching(self, digest: bytes, tokens: _Tokens) -> Token | None:
        return matching(digest, [token for token in tokens if self._is_valid(token)])

    def _is_valid(self, token: Token) -> bool:
        return token.is_valid(self._clock.wall())

    def _may_renew(self, tenant: _Tenant) -> bool:
        """Allow one reading in 30 s; a reading that is under way may be waited for by all."""
        if tenant.tokens.is_being_read:
            return True
        now = self._clock.steady()
        if now - tenant.renewed_at < RENEW_SECONDS:
            return False
        tenant.renewed_at = now
        return True

    def _remembered(self, name: str) -> _Tenant:
        """Return what is remembered of a known tenant; so only real ones take up memory."""
        if name not in self._tenants:

            async def read(known: _Tokens | None) -> _Tokens:
                return await self._read_tokens(tenants.secret_name(name), known or ())

            tokens = Cached(f"the tokens of {name}", read, self._clock, self._waits)
            self._tenants[name] = _Tenant(tokens)
        return self._tenants[name]

    async def _read_names(self, _: frozenset[str] | None) -> frozenset[str]:
        names = await self._vault.enabled_names()
        return frozenset(tenant for name in names if (tenant := tenants.of_secret(name)))

    async def _read_tokens(self, secret: str, known: _Tokens) -> _Tokens:
        """Read the tokens of a secret that are valid, or soon will be, the newest first.

        The value of a version never changes, so only new versions are read; of the others the
        dates are taken from the list.
        """
        digests = {token.version: token.digest for token in known}
        tokens = []
        for version in _eligible(await self._vault.versions(secret), self._clock.wall()):
            digest = digests.get(version.id) or await self._read_digest(secret, version.id)
            if digest is not None:
                tokens.append(_token(secret, version, digest))
        self._notice_expiry(tokens)
        return tuple(tokens)

    async def _read_digest(self, secret: str, version: str) -> bytes | None:
        value = await self._vault.value(secret, version)
        if value is None:
            return None
        token = value.strip()  # a line end of the file that it was set from
        if not tenants.TOKEN.fullmatch(token):
            _log.warning(
                "%s is no token and opens nothing: it must be 16 to 4096 visible ASCII characters"
                " without spaces",
                _label(secret, version),
            )
            return None
        return digest_of(token)

    def _notice_expiry(self, tokens: list[Token]) -> None:
        """Warn of tokens that expire within 30 days, of each once a day."""
        wall, steady = self._clock.wall(), self._clock.steady()
        for token in tokens:
            noticed_at = self._noticed_at.get(token.label, -math.inf)
            near = token.expires - wall < EXPIRY_NOTICE_SECONDS
            if near and steady - noticed_at >= NOTICE_EVERY_SECONDS:
                self._noticed_at[token.label] = steady
                day = datetime.fromtimestamp(token.expires, UTC).date()
                _log.warning("The token %s expires on %s; rotate it before", token.label, day)


async def _current(cached: Cached[_T]) -> _T:
    """Return what is remembered, read anew when it is due.

    Raises:
        Unavailable: Nothing was read within the hour, and it cannot be read now.
    """
    value = await cached.current()
    if value is None:
        raise Unavailable(
            "The service cannot check tokens at present; send the same request again later.",
            retry_after=cached.retry_after,
        )
    return value


def _eligible(versions: list[SecretVersion], now: float) -> list[SecretVersion]:
    """Choose the newest two enabled, unexpired versions, and the newest two that begin later.

    The latter come into force between two readings.
    """
    newest_first = sorted(versions, key=lambda version: version.created, reverse=True)
    usable = [
        version
        for version in newest_first
        if version.enabled and (version.expires is None or now < version.expires)
    ]
    later = [v for v in usable if v.not_before is not None and now < v.not_before][:VALID_TOKENS]
    begun = [v for v in usable if v.not_before is None or v.not_before <= now][:VALID_TOKENS]
    return [version for version in usable if version in begun or version in later]


def _token(secret: str, version: SecretVersion, digest: bytes) -> Token:
    return Token(
        version=version.id,
        label=_label(secret, version.id),
        digest=digest,
        not_before=-math.inf if version.not_before is None else version.not_before,
        expires=math.inf if version.expires is None else version.expires,
    )


def _label(secret: str, version: str) -> str:
    """Name a version for people: enough of its id to find it, and nothing of the token."""
    return f"{secret}/{version[:8]}"
