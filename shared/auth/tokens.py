"""Bearer tokens and API keys: reading them from the header, comparing them, and a developer's."""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from shared import api_keys, clients, tenants
from shared.auth.development_vault import OF_THE_SETTINGS, DevelopmentVault, HeldVersion
from shared.auth.tenant_tokens import TenantAccess, TenantState, no_such_tenant
from shared.auth.versions import VALID_TOKENS
from shared.clock import Clock
from shared.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import SecretStr

    from shared.api_keys import Grant
    from shared.settings import DevelopmentKey

_CREDENTIALS = re.compile(r"bearer +(?P<token>[^ ]+)", re.IGNORECASE)
_DEVELOPMENT = "development"
_DUMMY = bytes(hashlib.sha256().digest_size)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request.

    Attributes:
        tenant: The tenant whose data the request may touch, and no other.
        label: Which token it was, for the log and the change rows; nothing of the token is in it.
        keys: Digests of the tokens that open the tenant at present, that of the caller's first:
            secrets from which keys are made, never shown or stored.
        api_key: The API key that was presented; None for a token.
    """

    tenant: str
    label: str
    keys: tuple[bytes, ...] = field(default=(), repr=False, compare=False)
    api_key: ApiKey | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class SecretToken:
    """A version of a secret as it is kept. Times in POSIX seconds.

    Attributes:
        version: Id of the version.
        label: Names it for people: enough of its id to find it, and nothing of its value.
        digest: Of the value.
        not_before: When it begins to be valid.
        expires: When it ends.
        value: The value itself where a digest would not do: of what signs, and of what a client
            has that is no secret. Otherwise empty.
    """

    version: str
    label: str
    digest: bytes
    not_before: float
    expires: float
    value: str = field(default="", repr=False)

    def is_valid(self, now: float) -> bool:
        """Say whether it is accepted now; Key Vault itself does not look at this."""
        return self.not_before <= now < self.expires


Choose = Callable[[Sequence[SecretToken], int], SecretToken | None]
"""Chooses one of the first so many versions of a secret, which are in order, the newest first."""


@dataclass(frozen=True, slots=True)
class AcceptedCredentials:
    """Which credentials a tenant accepts.

    Attributes:
        by_token: Whether its secret token does.
        clients: Names of its OAuth clients that are open.
    """

    by_token: bool = False
    clients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key that a request has presented, and that is valid.

    Attributes:
        name: The name of the key.
        label: Which version of it, for the log; nothing of the key is in it.
        grant: What it allows.
        keys: As of `Caller`.
    """

    name: str
    label: str
    grant: Grant
    keys: tuple[bytes, ...] = field(default=(), repr=False, compare=False)


class Authenticator(Protocol):
    """Decides whether a request may enter a tenant, and which API key it presents."""

    async def authenticate(self, tenant: str | None, authorization: str | None) -> Caller:
        """Return the caller of a request.

        Args:
            tenant: What `tenants.of_path` made of the path; None is an unknown tenant.
            authorization: The `Authorization` header, or None without one.

        Raises:
            Unauthorized: The token does not open the tenant. The answer is the same whether the
                header, the token or the tenant was wrong (RFC 6750 section 3.1, `invalid_token`).
            Unavailable: It cannot be decided at present.
        """

    async def identify(self, authorization: str | None) -> ApiKey:
        """Return the API key of a request.

        Args:
            authorization: The `Authorization` header, or None without one.

        Raises:
            Unauthorized: No API key that is valid was sent. The answer is the same whatever was
                wrong with it.
            Unavailable: It cannot be decided at present.
        """

    async def has_tenant(self, tenant: str) -> bool:
        """Tell whether there is a tenant, open or closed.

        Raises:
            Unavailable: It cannot be told at present.
        """

    async def accepted_credentials(self, tenant: str) -> AcceptedCredentials:
        """Tell which credentials a tenant accepts: none if it is closed, or does not exist.

        Raises:
            Unavailable: It cannot be told at present.
        """

    async def federated_clients(self) -> tuple[tuple[str, str], ...]:
        """Name the open clients that are known by tokens of another issuer, each with its tenant.

        It is asked ahead of the first request, and names none where it cannot tell.
        """

    async def choose(self, secret: str | None, choose: Choose) -> SecretToken | None:
        """Choose a valid version of the secret of an OAuth client, or of one that signs.

        Args:
            secret: Name of the secret; None for one that cannot exist.
            choose: Is given the versions that are remembered, and more than once. If it finds none
                among them, they may be read again, as they are for a wrong token.

        Raises:
            Unavailable: It cannot be told at present.
        """

    async def refresh(self) -> bool | None:
        """Read again which tenants there are.

        Returns:
            Whether what holds the tokens answered; None if they come from nowhere that could fail.
        """

    async def tenants(self) -> tuple[str, ...]:
        """Name all tenants, for work that no request asks for.

        A closed tenant is among them: it lets no one in, but what is kept of it, and for how long,
        goes on. A tenant whose secret was deleted is not, although its rows may be there.

        Raises:
            Unavailable: They cannot be read at present.
        """

    async def close(self) -> None:
        """Close what was opened."""


class _Digested(Protocol):
    @property
    def digest(self) -> bytes: ...


_D = TypeVar("_D", bound=_Digested)


@dataclass(frozen=True, slots=True)
class _DevelopmentKey:
    digest: bytes


class DevelopmentTokens:
    """Tokens and API keys from the settings, for a developer's machine without a vault.

    Attributes:
        vault: What holds the tokens of the settings, and those that are drawn besides.
    """

    def __init__(
        self,
        tokens: Mapping[str, SecretStr],
        keys: Mapping[str, DevelopmentKey] | None = None,
        client_secret: SecretStr | None = None,
    ) -> None:
        """Prepare.

        Args:
            tokens: The token of each tenant.
            keys: The API keys by name.
            client_secret: The secret of the OAuth client `local` of each tenant; None for none.
        """
        digests = {
            tenants.secret_name(tenant): digest_of(token.get_secret_value())
            for tenant, token in tokens.items()
        }
        if client_secret is not None:
            digest = digest_of(client_secret.get_secret_value())
            of_clients = (clients.secret_name(tenant, clients.LOCAL) for tenant in tokens)
            digests |= dict.fromkeys(of_clients, digest)
        self.vault = DevelopmentVault(digests, Clock())
        self._keys = {
            name: (_DevelopmentKey(digest_of(each.value.get_secret_value())), each.grant)
            for name, each in (keys or {}).items()
        }

    async def authenticate(self, tenant: str | None, authorization: str | None) -> Caller:
        """Return the caller of a request; see `Authenticator.authenticate`."""
        digest = digest_of(bearer_token(authorization))
        valid = [] if tenant is None else self.vault.valid(tenants.secret_name(tenant))
        found = matching(digest, valid)
        if tenant is None or found is None:
            raise unauthorized()
        keys = dict.fromkeys((digest, *(each.digest for each in valid)))
        return Caller(tenant, self.label(tenant, found.version.id), tuple(keys))

    async def identify(self, authorization: str | None) -> ApiKey:
        """Return the API key of a request; see `Authenticator.identify`."""
        key = bearer_key(authorization)
        digest, name = digest_of(key), api_keys.name_in(key)
        kept = None if name is None else self._keys.get(name)
        found = matching(digest, () if kept is None else (kept[0],))
        if name is None or kept is None or found is None:
            raise unauthorized_key()
        return ApiKey(name, f"development/{name}", kept[1], (digest,))

    async def has_tenant(self, tenant: str) -> bool:
        """Tell whether there is a tenant, open or closed."""
        return tenants.secret_name(tenant) in self.vault.names

    async def accepted_credentials(self, tenant: str) -> AcceptedCredentials:
        """Tell whether there is the tenant, and its client; of a closed one there is none."""
        own = clients.secret_name(tenant, clients.LOCAL)
        is_open = {tenants.secret_name(tenant), own} <= set(await self.vault.open_names())
        by_token = await self.has_tenant(tenant)
        return AcceptedCredentials(by_token, (clients.LOCAL,) if is_open else ())

    async def federated_clients(self) -> tuple[tuple[str, str], ...]:
        """Name none: the client of the settings has a secret."""
        return ()

    async def choose(self, secret: str | None, choose: Choose) -> SecretToken | None:
        """Choose a version of the client's secret, or of a secret that signs webhooks.

        There is no signing key: what signs here is drawn for this process.
        """
        valid = [] if secret is None else self.vault.valid(secret)
        versions = [_secret_token(str(secret), each) for each in valid]
        return choose(versions, VALID_TOKENS)

    async def refresh(self) -> None:
        """Read nothing: the settings do not change."""

    async def tenants(self) -> tuple[str, ...]:
        """Name all tenants, closed ones too."""
        named = map(tenants.of_secret, self.vault.names)
        return tuple(tenant for tenant in named if tenant is not None)

    async def listed_tenants(self) -> list[str]:
        """Name all tenants, closed ones too."""
        return list(await self.tenants())

    async def tenant_access(self, tenant: str) -> TenantAccess:
        """Tell whether a tenant is open, and when its newest token expires.

        Raises:
            NotFound: There is no such tenant.
        """
        secret = tenants.secret_name(tenant)
        versions = await self.vault.versions(secret)
        if not versions:
            raise no_such_tenant()
        newest = max(versions, key=lambda version: version.created)
        if not newest.enabled:
            return TenantAccess(TenantState.CLOSED, newest.expires)
        is_open = bool(self.vault.valid(secret))
        state = TenantState.OPEN if is_open else TenantState.NO_VALID_TOKEN
        return TenantAccess(state, newest.expires)

    def note_change(self, secret: str) -> None:
        """Do nothing: nothing is remembered beside the versions themselves."""

    def label(self, tenant: str, version: str) -> str:
        """Name a token as the log and the change rows do."""
        del tenant
        return _DEVELOPMENT if version == OF_THE_SETTINGS else f"{_DEVELOPMENT}/{version[:8]}"

    async def close(self) -> None:
        """Close nothing: settings are not open."""


def _secret_token(secret: str, held: HeldVersion) -> SecretToken:
    version = held.version
    of_client = clients.of_secret(secret)
    name = f"{secret}/{version.id[:8]}" if of_client is None else clients.LOCAL
    return SecretToken(
        version.id,
        f"{_DEVELOPMENT}/{name}",
        held.digest,
        -math.inf if version.not_before is None else version.not_before,
        math.inf if version.expires is None else version.expires,
        held.value,
    )


def bearer_token(authorization: str | None) -> str:
    """Return the token of an `Authorization` header (RFC 6750 section 2.1).

    The scheme is compared without case and may be followed by several spaces (RFC 9110
    section 11.4). A repeated header arrives joined by a comma, and so is no token.

    Raises:
        Unauthorized: There is no header, it is of another scheme, or holds what no token can be.
    """
    credentials = _CREDENTIALS.fullmatch((authorization or "").strip(" \t"))
    if credentials is None or not tenants.TOKEN.fullmatch(credentials["token"]):
        raise unauthorized()
    return credentials["token"]


def bearer_key(authorization: str | None) -> str:
    """Return the API key of an `Authorization` header; it may be of no form that a key has.

    Raises:
        Unauthorized: As of `bearer_token`, in the words for a key.
    """
    try:
        return bearer_token(authorization)
    except Unauthorized:
        raise unauthorized_key() from None


def digest_of(token: str) -> bytes:
    """Return what is kept and compared instead of a token: its SHA-256."""
    return hashlib.sha256(token.encode()).digest()


def matching(digest: bytes, tokens: Iterable[_D], most: int = VALID_TOKENS) -> _D | None:
    """Return the one of the first `most` tokens of a tenant that has this digest.

    The work is the same for two tokens, one and none, and for a match and a miss, so that the time
    it takes does not tell whether the tenant exists.
    """
    slots: list[_D | None] = [*tokens, *[None] * most][:most]
    found: _D | None = None
    for token in slots:
        is_same = hmac.compare_digest(digest, _DUMMY if token is None else token.digest)
        found = token if is_same else found
    return found


def unauthorized() -> Unauthorized:
    """Return the one answer to a token that does not open the tenant, whatever the reason."""
    return Unauthorized(
        "The request carries no secret token that is valid for this address. Send"
        " 'Authorization: Bearer <secret token>' with the current token that belongs to this"
        " Tenant URL."
    )


def unauthorized_key() -> Unauthorized:
    """Return the one answer to an API key that is not valid, whatever the reason."""
    return Unauthorized(
        "The request carries no API key that is valid. Send 'Authorization: Bearer <API key>' with"
        f" a current key, which begins with {api_keys.PREFIX}."
    )
