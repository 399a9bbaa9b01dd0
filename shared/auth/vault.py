"""Tokens, API keys and OAuth clients from Key Vault: the newest two valid versions are accepted.

All are secrets of one vault, and one machinery serves them: it knows secrets by their names. What
a secret opens, a tenant or what the tags of a key allow, is looked at when one of its versions was
found to be the one that was sent.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from shared import api_keys, clients, tenants
from shared.api_keys import Grant
from shared.auth.cached import Cached, Waits
from shared.auth.key_vault import ListedSecret
from shared.auth.secret_forms import canonical_name, is_kept_whole, problem_of
from shared.auth.tenant_tokens import TenantAccess, TenantState, no_such_tenant
from shared.auth.tokens import (
    AcceptedCredentials,
    ApiKey,
    Caller,
    SecretToken,
    bearer_key,
    bearer_token,
    digest_of,
    matching,
    unauthorized,
    unauthorized_key,
)
from shared.auth.versions import VALID_TOKENS
from shared.clients import CredentialKind
from shared.clock import Clock
from shared.errors import Unavailable
from shared.notices import Notices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.auth.key_vault import Vault
    from shared.auth.tokens import Choose
    from shared.auth.versions import SecretVersion

RENEW_SECONDS = 30.0
RENEW_FOR_ANY_SECONDS = 5.0
EXPIRY_NOTICE_SECONDS = 30 * 86_400.0
NOTICE_EVERY_SECONDS = 86_400.0

_MOST_REMEMBERED = 2 * VALID_TOKENS
"""Of a secret: its valid versions, and as many that begin later."""

_RETRY_AFTER = 60

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


_Tokens = tuple[SecretToken, ...]
_Listing = dict[str, ListedSecret]
"""The secrets that are ours by their names, closed ones too."""


@dataclass(frozen=True, slots=True)
class _Secret:
    """A secret: its tokens, and how the vault listed it before they were read."""

    tokens: _Tokens
    listed: ListedSecret | None


class VaultTokens:
    """Checks bearer tokens and API keys against a vault, of which it remembers what it read.

    Two things are remembered, for a minute: the list of secrets, which says which tenants and which
    keys there are, and of each secret that was asked for its versions. While the vault fails, what
    was read last serves for an hour.

    A token that matches nothing has the list read again, so that a new token and a new tenant are
    accepted at once: once in 30 s for a secret, once in 5 s for all of them. The list says whose
    newest version has changed, and only of such a secret are the versions read again. So a wrong
    token waits for the same calls whether its secret exists or not, and the time of its answer
    tells nothing. Two waits remain that only a secret that exists has: the first request for it in
    a process, and the first one after it has changed.
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
        self._listing = Cached("the tenants", self._read_listing, self._clock, self._waits)
        self._clients: dict[str, list[str]] = {}
        self._secrets: dict[str, Cached[_Secret]] = {}
        self._renewed_at: dict[str | None, float] = {}
        self._notices = Notices(NOTICE_EVERY_SECONDS, self._clock)

    @property
    def vault(self) -> Vault:
        """Where the tokens are, for who manages them."""
        return self._vault

    async def authenticate(self, tenant: str | None, authorization: str | None) -> Caller:
        """Return the caller of a request; see `Authenticator.authenticate`."""
        digest = digest_of(bearer_token(authorization))
        secret = None if tenant is None else tenants.secret_name(tenant)
        token = await self._find(secret, partial(matching, digest))
        if tenant is None or secret is None or token is None:
            raise unauthorized()
        if not tenants.takes_tokens(_value(self._listing)[secret].tags):
            raise unauthorized()
        return Caller(tenant, token.label, self._keys(secret, token))

    async def identify(self, authorization: str | None) -> ApiKey:
        """Return the API key of a request; see `Authenticator.identify`."""
        key = bearer_key(authorization)
        name = api_keys.name_in(key)
        secret = None if name is None else api_keys.secret_name(name)
        token = await self._find(secret, partial(matching, digest_of(key)))
        if name is None or secret is None or token is None:
            raise unauthorized_key()
        grant = Grant.of_tags(_value(self._listing)[secret].tags)
        return ApiKey(name, token.label, grant, self._keys(secret, token))

    async def has_tenant(self, tenant: str) -> bool:
        """Tell whether the vault holds the secret of a tenant; see `Authenticator.has_tenant`."""
        secret = tenants.secret_name(tenant)
        readings = self._listing.readings
        await self._listing.current()
        is_known = secret in _value(self._listing)
        if not is_known and self._listing.readings == readings and self._may_renew(secret):
            await self._listing.renew()
        return secret in _value(self._listing)

    async def listed_tenants(self) -> list[str]:
        """Name all tenants, closed ones too, as they were read within the last minute.

        Raises:
            Unavailable: The list cannot be read, and is not remembered of the past hour.
        """
        await self._listing.current()
        named = (tenants.of_secret(name) for name in _value(self._listing))
        return [tenant for tenant in named if tenant is not None]

    async def tenant_access(self, tenant: str) -> TenantAccess:
        """Tell whether a tenant is open, as it was read within the last minute.

        The list tells it of the newest token. Where that one is not valid, the versions are read.

        Raises:
            NotFound: There is no such tenant.
            Unavailable: What has to be read cannot be read.
        """
        name, now = tenants.secret_name(tenant), self._clock.wall()
        await self._listing.current()
        listed = _value(self._listing).get(name)
        if listed is None:
            raise no_such_tenant()
        if not listed.enabled:
            return TenantAccess(TenantState.CLOSED, listed.expires)
        if not tenants.takes_tokens(listed.tags):
            return TenantAccess(TenantState.NO_VALID_TOKEN, listed.expires)
        has_begun = listed.not_before is None or listed.not_before <= now
        is_valid = has_begun and (listed.expires is None or now < listed.expires)
        if not is_valid:
            remembered = self._remembered(name)
            await remembered.current()
            is_valid = any(token.is_valid(now) for token in _value(remembered).tokens)
        state = TenantState.OPEN if is_valid else TenantState.NO_VALID_TOKEN
        return TenantAccess(state, listed.expires)

    def note_change(self, secret: str) -> None:
        """Have the list and a secret read again before they serve, since this process changed it.

        So what it has drawn is accepted at once, and what it has revoked refused.
        """
        self._listing.note_change()
        if secret in self._secrets:
            self._secrets[secret].note_change()

    def label(self, tenant: str, version: str) -> str:
        """Name a token as the log and the change rows do."""
        return _label(tenants.secret_name(tenant), version)

    async def accepted_credentials(self, tenant: str) -> AcceptedCredentials:
        """Tell what a tenant accepts; see `Authenticator.accepted_credentials`."""
        await self._listing.current()
        secret = self._open_secret(tenants.secret_name(tenant))
        if secret is None:
            return AcceptedCredentials()
        named = self._clients.get(tenant, ())
        is_open = (name for name in named if self._open_secret(clients.secret_name(tenant, name)))
        return AcceptedCredentials(tenants.takes_tokens(secret.tags), tuple(sorted(is_open)))

    async def federated_clients(self) -> tuple[tuple[str, str], ...]:
        """Name those whose newest credential says that it is a trust, the latest changed first.

        One listing, which requests need as well; none are named while that cannot be read.
        """
        await self._listing.read_ahead()
        trust = clients.content_type(CredentialKind.TRUST)
        secrets = (self._listing.value or {}).values()
        listed = (each for each in secrets if each.content_type == trust)
        latest_first = sorted(listed, key=lambda each: each.updated, reverse=True)
        named = (clients.of_secret(each.name) for each in latest_first if each.enabled)
        return tuple(pair for pair in named if pair is not None)

    async def choose(self, secret: str | None, choose: Choose) -> SecretToken | None:
        """Choose a valid version of a secret; see `Authenticator.choose`."""
        return await self._find(secret, choose)

    async def _find(self, secret: str | None, choose: Choose) -> SecretToken | None:
        """Return the version of a secret that is chosen, and valid.

        If none is, the list may be read again, whatever the reason.

        Args:
            secret: Name of the secret; None for one that cannot exist.
            choose: Knows which one was sent.

        Raises:
            Unavailable: As of `_match`.
        """
        readings = self._listing.readings
        await self._listing.current()
        token = await self._match(secret, choose)
        if token is None and self._listing.readings == readings and self._may_renew(secret):
            await self._listing.renew()
            token = await self._match(secret, choose)
        if token is None:
            self._catch_up(secret)
        return token

    def _keys(self, secret: str, token: SecretToken) -> tuple[bytes, ...]:
        """Return the digests of the tokens that are valid at present, that of one of them first."""
        now = self._clock.wall()
        valid = [each for each in _value(self._remembered(secret)).tokens if each.is_valid(now)]
        digests = (each.digest for each in valid[:VALID_TOKENS])
        return tuple(dict.fromkeys((token.digest, *digests)))

    async def refresh(self) -> bool:
        """Read the tenants again, or wait for who does; see `Authenticator.refresh`.

        After a failure the vault is left alone for a while, in which this says that it failed.
        """
        readings = self._listing.readings
        await self._listing.renew()
        return self._listing.readings > readings

    async def tenants(self) -> tuple[str, ...]:
        """Name all tenants, closed ones too; see `Authenticator.tenants`. One listing.

        What is remembered would not do: it holds the tenants that are open.
        """
        try:
            async with asyncio.timeout(self._waits.reading):
                secrets = await self._vault.secrets()
        except Exception as error:
            _log.error(
                "Reading the tenants failed, they cannot be named: %s: %s",
                type(error).__name__,
                error,
            )
            raise Unavailable(
                "The vault does not list its tenants at present.", retry_after=_RETRY_AFTER
            ) from error
        named = (tenants.of_secret(secret.name) for secret in secrets)
        return tuple(tenant for tenant in named if tenant is not None)

    async def close(self) -> None:
        """End what is being read and close the vault."""
        await self._listing.close()
        for secret in self._secrets.values():
            await secret.close()
        await self._vault.close()

    async def _match(self, name: str | None, choose: Choose) -> SecretToken | None:
        """Return the version of a secret that is chosen, and valid.

        The tokens are read where that could make a difference: when the vault lists the secret
        otherwise than before they were read, and before a token that they hold is accepted. Any
        other token is wrong by what is remembered. The comparing is the same in every case.

        Raises:
            Unavailable: What has to be read cannot be read, and is not remembered of the past hour.
        """
        listed = self._open_secret(name)
        secret = None if name is None or listed is None else self._remembered(name)
        last = None if secret is None else secret.last
        known = choose(() if last is None else last.tokens, _MOST_REMEMBERED)
        tokens: _Tokens = ()
        if secret is not None and (last is None or last.listed != listed):
            await secret.renew()
            tokens = _value(secret).tokens
        elif secret is not None and known is not None:
            await secret.current()
            tokens = _value(secret).tokens
        now = self._clock.wall()
        return choose([token for token in tokens if token.is_valid(now)], VALID_TOKENS)

    def _open_secret(self, name: str | None) -> ListedSecret | None:
        """Return a secret as it is listed; None if there is none, or if it is closed.

        Raises:
            Unavailable: The list cannot be read, and is not remembered of the past hour.
        """
        listed = _value(self._listing).get(name or "")
        return None if listed is None or not listed.enabled else listed

    def _may_renew(self, secret: str | None) -> bool:
        """Say whether a token that matches nothing may have the list read again.

        Secrets that do not exist are counted as those that do. A reading that is under way may be
        waited for by all.
        """
        if self._listing.is_being_read:
            return True
        now = self._clock.steady()
        recent = {name: at for name, at in self._renewed_at.items() if now - at < RENEW_SECONDS}
        self._renewed_at = recent
        is_early = any(now - at < RENEW_FOR_ANY_SECONDS for at in recent.values())
        if secret in recent or is_early or self._listing.is_backing_off:
            return False
        recent[secret] = now
        return True

    def _catch_up(self, name: str | None) -> None:
        """Have tokens older than a minute read again after a refusal, which does not wait for it.

        The list does not show everything by which a token becomes valid: that an older version was
        enabled again, or a second one made within the same second.
        """
        secret = self._secrets.get(name or "")
        if secret is not None and self._open_secret(name) is not None and not secret.is_fresh:
            secret.begin()

    def _remembered(self, name: str) -> Cached[_Secret]:
        """Return what is remembered of a listed secret; so only real ones take up memory."""
        if name not in self._secrets:

            async def read(last: _Secret | None) -> _Secret:
                return await self._read_secret(name, last)

            what = f"the tokens of {tenants.of_secret(name) or name}"
            self._secrets[name] = Cached(what, read, self._clock, self._waits)
        return self._secrets[name]

    async def _read_listing(self, _: _Listing | None) -> _Listing:
        listing = {
            name: secret
            for secret in await self._vault.secrets()
            if (name := canonical_name(secret.name)) is not None
        }
        # Each request of a client asks for those of its tenant, and the list may be long.
        self._clients = _by_tenant(filter(None, map(clients.of_secret, listing)))
        return listing

    async def _read_secret(self, name: str, last: _Secret | None) -> _Secret:
        """Read the tokens of a secret that are valid, or soon will be, the newest first.

        The value of a version never changes, so only new versions are read; of the others the
        dates are taken from the list.
        """
        listed = (self._listing.last or {}).get(name)
        known = {} if last is None else {token.version: token for token in last.tokens}
        usable = _usable(await self._vault.versions(name), self._clock.wall())
        tokens = []
        for version in _eligible(usable, self._clock.wall()):
            token = known.get(version.id) or await self._read_token(name, version)
            if token is not None:
                begins, expires = _term(version)
                tokens.append(replace(token, not_before=begins, expires=expires))
        self._notice_expiry(tokens)
        self._notice_left_over(name, usable)
        self._notice_unknown_words(name, listed)
        return _Secret(tuple(tokens), listed)

    async def _read_token(self, secret: str, version: SecretVersion) -> SecretToken | None:
        held = await self._vault.value(secret, version.id)
        if held is None:
            return None
        value = held.strip()  # a line end of the file that it was set from
        label = _label(secret, version.id)
        problem = problem_of(secret, value)
        if problem is not None:
            _log.warning("%s is no %s", label, problem)
            return None
        kept = value if is_kept_whole(secret, value) else ""
        return SecretToken(version.id, label, digest_of(value), *_term(version), kept)

    def _notice_expiry(self, tokens: list[SecretToken]) -> None:
        """Warn of tokens that expire within 30 days, of each once a day."""
        for token in tokens:
            near = token.expires - self._clock.wall() < EXPIRY_NOTICE_SECONDS
            if near and self._notices.is_due(token.label):
                day = datetime.fromtimestamp(token.expires, UTC).date()
                _log.warning("The token %s expires on %s; rotate it before", token.label, day)

    def _notice_left_over(self, name: str, usable: list[SecretVersion]) -> None:
        """Warn once a day of older versions that would be valid if a newer one were gone."""
        left_over = len([v for v in usable if v not in _eligible(usable, self._clock.wall())])
        if left_over and self._notices.is_due(name):
            _log.warning(
                "%s has %d enabled versions older than the two that are valid; disable them, or"
                " they are valid again when a newer one is disabled or expires",
                name,
                left_over,
            )

    def _notice_unknown_words(self, name: str, listed: ListedSecret | None) -> None:
        """Warn once a day of tags of a key that are not understood, and so allow nothing."""
        if listed is None or api_keys.of_secret(name) is None:
            return
        words = ", ".join(map(repr, api_keys.unknown_words(listed.tags)))
        if words and self._notices.is_due(f"{name} tags"):
            _log.warning(
                "The tags of %s name no scope or tenant by %s, which allows nothing; correct the"
                " tags of its newest version",
                name,
                words,
            )


def _by_tenant(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for tenant, client in pairs:
        names.setdefault(tenant, []).append(client)
    return names


def _value(cached: Cached[_T]) -> _T:
    """Return what is remembered.

    Raises:
        Unavailable: Nothing was read within the hour.
    """
    value = cached.value
    if value is None:
        raise Unavailable(
            "The service cannot check tokens at present; send the same request again later.",
            retry_after=cached.retry_after,
        )
    return value


def _usable(versions: list[SecretVersion], now: float) -> list[SecretVersion]:
    """Choose the enabled, unexpired versions, and put the newest first."""
    return [
        version
        for version in sorted(versions, key=lambda version: version.created, reverse=True)
        if version.enabled and (version.expires is None or now < version.expires)
    ]


def _eligible(usable: list[SecretVersion], now: float) -> list[SecretVersion]:
    """Choose the newest two versions that have begun, and the newest two that begin later.

    The latter come into force between two readings.
    """
    later = [v for v in usable if v.not_before is not None and now < v.not_before][:VALID_TOKENS]
    begun = [v for v in usable if v.not_before is None or v.not_before <= now][:VALID_TOKENS]
    return [version for version in usable if version in begun or version in later]


def _term(version: SecretVersion) -> tuple[float, float]:
    """Return when a version begins to be valid, and when it ends."""
    return (
        -math.inf if version.not_before is None else version.not_before,
        math.inf if version.expires is None else version.expires,
    )


def _label(secret: str, version: str) -> str:
    """Name a version for people: enough of its id to find it, and nothing of the token."""
    return f"{secret}/{version[:8]}"
