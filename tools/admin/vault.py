"""The secrets of the service in Key Vault: the one module of the tools to talk to it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from shared import api_keys, clients, tenants
from shared.auth.rotation import UnknownOutcomeError
from shared.auth.versions import SecretVersion
from shared.clients import CredentialKind
from tools.admin import grants
from tools.admin.errors import NoAccessError, NotDoneError
from tools.admin.sign_in import Identity, SignIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Mapping

    from azure.core.exceptions import HttpResponseError
    from azure.keyvault.secrets import SecretProperties
    from azure.keyvault.secrets.aio import SecretClient

    from shared.auth.rotation import Lifetime, ManagedSecret
    from tools.admin.places import Place

CLIENT_OPTIONS: dict[str, Any] = {
    "connection_timeout": 5,
    "read_timeout": 15,
    "retry_total": 2,
    "retry_backoff_factor": 0.2,  # somebody waits for it
}
_GARBLED = (ValueError, TypeError, AttributeError, KeyError)
"""What the SDK raises where an answer, or the challenge before it, is not that of a vault."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TenantSecret:
    """The secret of a tenant as the vault lists it: with the attributes of its newest version.

    Attributes:
        tenant: whose token it holds.
        is_open: whether that version is enabled; otherwise the service takes no token.
        updated: when it was last changed, in POSIX seconds.
        expires: when that version expires, in POSIX seconds; None for never.
    """

    tenant: str
    is_open: bool
    updated: float | None
    expires: float | None


@dataclass(frozen=True, slots=True)
class KeySecret:
    """The secret of an API key as the vault lists it: with what its newest version has.

    Attributes:
        name: of the key.
        is_open: whether that version is enabled; otherwise the service takes none.
        updated: when it was last changed, in POSIX seconds.
        expires: when that version expires, in POSIX seconds; None for never.
        tags: which say what the key allows.
    """

    name: str
    is_open: bool
    updated: float | None
    expires: float | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """The secret of an OAuth client as the vault lists it: with what its newest version has.

    Attributes:
        tenant: whose client it is.
        name: of the client.
        is_open: whether that version is enabled; otherwise the client is let in by none.
        known_by: of what kind that version is.
        updated: when it was last changed, in POSIX seconds.
        expires: when that version expires, in POSIX seconds; None for never.
    """

    tenant: str
    name: str
    is_open: bool
    known_by: str
    updated: float | None
    expires: float | None


class TokenVault:
    """A vault, seen by an operator."""

    def __init__(self, url: str, sign_in: SignIn, client: SecretClient) -> None:
        """Use `open_vault` instead."""
        self._url = url
        self._sign_in = sign_in
        self._client = client

    async def tenants(self) -> list[TenantSecret]:
        """List the tenants, in the order of their names. A call for each 25 secrets."""
        found = [_tenant_secret(secret) for secret in await self._secrets()]
        return sorted(
            (secret for secret in found if secret is not None), key=lambda secret: secret.tenant
        )

    async def api_keys(self) -> list[KeySecret]:
        """List the API keys, in the order of their names. A call for each 25 secrets."""
        found = [_key_secret(secret) for secret in await self._secrets()]
        return sorted(
            (secret for secret in found if secret is not None), key=lambda secret: secret.name
        )

    async def clients(self) -> list[ClientSecret]:
        """List the OAuth clients, in the order of their tenants. A call for each 25 secrets."""
        found = [_client_secret(secret) for secret in await self._secrets()]
        return sorted(
            (secret for secret in found if secret is not None),
            key=lambda secret: (secret.tenant, secret.name),
        )

    async def open_names(self) -> list[str]:
        """Name the secrets whose newest version is enabled. A call for each 25 secrets."""
        return [secret.name or "" for secret in await self._secrets() if secret.enabled]

    @property
    def operator(self) -> Identity:
        """Who is signed in, once a question was put."""
        return self._sign_in.identity

    async def value(self, name: str, version: str) -> str:
        """Read the value of a version of a secret. One call.

        Raises:
            NotDoneError: it is gone.
            NoAccessError: the vault does not let us, or the version is disabled.
        """
        return (await self._ask(self._client.get_secret(name, version))).value or ""

    async def _secrets(self) -> list[SecretProperties]:
        async def read() -> list[SecretProperties]:
            return [secret async for secret in self._client.list_properties_of_secrets()]

        return await self._ask(read())

    async def versions(self, name: str) -> list[SecretVersion]:
        """List the versions of a secret in any order; none when there is no secret."""

        async def read() -> list[SecretVersion]:
            listed = self._client.list_properties_of_secret_versions(name)
            return [_version(version) async for version in listed]

        try:
            return await self._ask(read())
        except _AbsentError:
            return []

    async def add(
        self, secret: ManagedSecret, value: str, lifetime: Lifetime, tags: Mapping[str, str]
    ) -> SecretVersion:
        """Add a version, which creates the secret when there is none. One call.

        It is not sent again by itself, because the vault would add another version.

        Raises:
            NotDoneError: the secret was deleted and can still be recovered.
            NoAccessError: the vault does not let us.
            UnknownOutcomeError: the answer was lost.
        """
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - as below

        begins = lifetime.not_before
        adding = self._client.set_secret(
            secret.name,
            value,
            content_type=secret.content_type,
            not_before=None if begins is None else datetime.fromtimestamp(begins, UTC),
            expires_on=datetime.fromtimestamp(lifetime.expires, UTC),
            tags=dict(tags),
            retry_total=0,
        )
        try:
            return _version((await self._ask(adding)).properties)
        except _DeletedError as error:
            raise NotDoneError(
                f"the secret {secret.name} was deleted and can still be recovered; to bring it"
                f" back and then rotate it: {grants.recovery(self._url, secret.name)}"
            ) from error
        except NoAccessError as error:
            # The transport calls a connection that was cut a request that could not be sent.
            if isinstance(error.__cause__, HttpResponseError):
                raise
            raise UnknownOutcomeError from error

    async def public_value(self, name: str, version: str) -> str:
        """Read a credential of a client that is no secret; "" of one that is. One call.

        Raises:
            NotDoneError: it is gone.
            NoAccessError: the vault does not let us.
        """
        value = (await self._ask(self._client.get_secret(name, version))).value or ""
        return "" if clients.kind_of(value) in {None, CredentialKind.SECRET} else value

    async def disable(self, name: str, version: str) -> None:
        """Disable a version. One call.

        Raises:
            NotDoneError: it is gone.
            NoAccessError: the vault does not let us.
        """
        await self._ask(self._client.update_secret_properties(name, version, enabled=False))

    async def expire(self, name: str, version: str, at: float) -> None:
        """Let a version expire, in POSIX seconds. One call; errors as of `disable`."""
        moment = datetime.fromtimestamp(at, UTC)
        await self._ask(self._client.update_secret_properties(name, version, expires_on=moment))

    async def tag(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a version. One call.

        Raises:
            NotDoneError: it is gone.
            NoAccessError: the vault does not let us.
        """
        await self._ask(self._client.update_secret_properties(name, version, tags=dict(tags)))

    async def _ask(self, question: Awaitable[_T]) -> _T:
        """Put a question to the vault, and say what went wrong in the words of an operator."""
        from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415 - as below

        try:
            return await question
        except HttpResponseError as error:
            raise self._refusal(error) from error
        except AzureError as error:
            raise NoAccessError(
                f"the vault {self._url} did not answer: {type(error).__name__}; check --vault and"
                " that its firewall lets this network in"
            ) from error
        except _GARBLED as error:
            raise NoAccessError(
                f"what answers at {self._url} is no Key Vault ({type(error).__name__}): check"
                " --vault, and whether a proxy answers in its place"
            ) from error

    def _refusal(self, error: HttpResponseError) -> Exception:
        codes = _codes(error)
        if codes[:1] == ["SecretNotFound"]:
            return _AbsentError("the vault has no such secret or version any more")
        if codes[1:] == ["ObjectIsDeletedButRecoverable"]:
            return _DeletedError("the secret was deleted and can still be recovered")
        said = f"the vault {self._url} refused: {error.status_code} {'/'.join(codes)}"
        if codes[1:] == ["ForbiddenByFirewall"]:
            return NoAccessError(f"{said}; let this network through the vault's firewall")
        if error.status_code in {401, 403}:
            command = grants.on_vault(self._url, self._sign_in.identity)
            return NoAccessError(f"{said}; to be let in: {command}")
        return NoAccessError(said)


class _AbsentError(NotDoneError):
    """There is no such secret, or no such version of it."""


class _DeletedError(NotDoneError):
    """A deleted secret holds the name until it is recovered or purged."""


@asynccontextmanager
async def open_vault(place: Place) -> AsyncIterator[TokenVault]:
    """Open the vault of a place; nothing is sent before the first question.

    Raises:
        WrongSettingError: the place has no vault.
    """
    url = place.vault_url
    # Imported here because the SDKs cost half a second, which `--help` shall not take.
    from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415 - see above

    async with SignIn(place.settings) as sign_in:
        client = SecretClient(url, sign_in, **CLIENT_OPTIONS)
        async with client:
            yield TokenVault(url, sign_in, client)


def _tenant_secret(secret: SecretProperties) -> TenantSecret | None:
    tenant = tenants.of_secret(secret.name or "")
    if tenant is None:
        return None
    return TenantSecret(
        tenant, bool(secret.enabled), _seconds(secret.updated_on), _seconds(secret.expires_on)
    )


def _key_secret(secret: SecretProperties) -> KeySecret | None:
    name = api_keys.of_secret(secret.name or "")
    if name is None:
        return None
    return KeySecret(
        name,
        bool(secret.enabled),
        _seconds(secret.updated_on),
        _seconds(secret.expires_on),
        secret.tags or {},
    )


def _client_secret(secret: SecretProperties) -> ClientSecret | None:
    named = clients.of_secret(secret.name or "")
    if named is None:
        return None
    return ClientSecret(
        *named,
        bool(secret.enabled),
        (secret.content_type or "").removeprefix("SCIM client "),
        _seconds(secret.updated_on),
        _seconds(secret.expires_on),
    )


def _version(version: SecretProperties) -> SecretVersion:
    return SecretVersion(
        id=version.version or "",
        enabled=bool(version.enabled),
        created=_seconds(version.created_on) or 0.0,
        not_before=_seconds(version.not_before),
        expires=_seconds(version.expires_on),
        tags=version.tags or {},
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _codes(error: HttpResponseError) -> list[str]:
    """Return the error code and the inner one; the vault's prose names people and places."""
    if error.error is None:
        return [type(error).__name__]
    inner = error.error.innererror
    codes = [error.error.code, inner.get("code") if isinstance(inner, dict) else None]
    return [code for code in codes if isinstance(code, str)]
