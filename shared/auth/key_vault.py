"""What Key Vault holds: the one place that talks to it.

The SDK comes with it, so it is imported where the settings name a vault.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
)
from azure.keyvault.secrets.aio import SecretClient

from shared.auth.cached import ReadingError
from shared.auth.rotation import SecretVersions, UnknownOutcomeError
from shared.auth.versions import SecretVersion

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.keyvault.secrets import SecretProperties

    from shared.auth.rotation import Lifetime, ManagedSecret

_T = TypeVar("_T")
_CHECK_IDENTITY = "check that the app has an identity, and AZURE_CLIENT_ID if it is user-assigned"

# What the vault answers (429, 5xx) stands: `Cached` decides when to ask again. What did not arrive
# is sent once more. All of it together is bounded by `Waits.reading`.
_RETRY_OPTIONS: dict[str, Any] = {
    "connection_timeout": 3,
    "read_timeout": 5,
    "retry_total": 1,
    "retry_status": 0,
    "retry_backoff_factor": 0.2,
}


class VaultError(ReadingError):
    """The vault refused a call; the message says why and, for missing rights, what to grant."""


class AbsentError(VaultError):
    """What was asked for is not in the vault, or is a disabled version."""


class WriteRefusedError(VaultError):
    """The app's identity may read the vault, and not write to it."""


class DeletedSecretError(VaultError):
    """The secret was deleted, and holds its name until it is recovered or purged."""


@dataclass(frozen=True, slots=True)
class ListedSecret:
    """A secret as the vault lists it: with the attributes and the tags of its newest version.

    Attributes:
        name: As it was created; the vault compares without case.
        enabled: Whether its newest version is.
        created: When its newest version was made, in POSIX seconds.
        updated: When the attributes of that version were last changed, in POSIX seconds.
        tags: Its tags by name.
        not_before: When that version begins, in POSIX seconds; None for at once.
        expires: When it expires, in POSIX seconds; None for never.
        content_type: What it says that it holds.
    """

    name: str
    enabled: bool
    created: float
    updated: float
    tags: Mapping[str, str] = field(default_factory=dict)
    not_before: float | None = None
    expires: float | None = None
    content_type: str = ""


class Vault(SecretVersions, Protocol):
    """What authentication needs of a vault. Any exception of a call means that it failed."""

    async def secrets(self) -> list[ListedSecret]:
        """Return all secrets, disabled ones too."""

    async def value(self, name: str, version: str) -> str | None:
        """Return the value of a version; None if it is disabled or gone by now."""

    async def close(self) -> None:
        """Close the connections."""


class KeyVault:
    """A vault of Azure, over the SDK, which is connected at the first call."""

    def __init__(
        self,
        url: str,
        open_credential: Callable[[], AsyncTokenCredential],
        **client_options: Any,
    ) -> None:
        """Prepare, without connecting.

        Args:
            url: `https://<vault>.vault.azure.net`.
            open_credential: Makes the credential, which is closed with the vault.
            client_options: Passed to the SDK's `SecretClient`, as its transport is.
        """
        self._url = url
        self._open_credential = open_credential
        self._options = {**_RETRY_OPTIONS, **client_options}
        self._opened: tuple[SecretClient, AsyncTokenCredential] | None = None

    async def secrets(self) -> list[ListedSecret]:
        """Return all secrets, disabled ones too.

        The vault lists a secret with the attributes of its newest version, and disabling a secret
        disables that version.
        """
        return await self._ask("the list of secrets", _secrets)

    async def open_names(self) -> list[str]:
        """Name the secrets whose newest version is enabled."""
        return [secret.name for secret in await self.secrets() if secret.enabled]

    async def versions(self, name: str) -> list[SecretVersion]:
        """Return all versions of a secret in any order; none if there is no such secret."""
        try:
            return await self._ask(f"the versions of {name}", lambda vault: _versions(vault, name))
        except AbsentError:
            return []

    async def value(self, name: str, version: str) -> str | None:
        """Return the value of a version; None if it is disabled or gone by now."""
        try:
            secret = await self._ask(
                f"a version of {name}", lambda vault: vault.get_secret(name, version)
            )
        except AbsentError:
            return None
        return secret.value

    async def add(
        self, secret: ManagedSecret, value: str, lifetime: Lifetime, tags: Mapping[str, str]
    ) -> SecretVersion:
        """Add a version, which creates the secret when there is none.

        It is sent once, because the vault would add another version each time.

        Raises:
            UnknownOutcomeError: The answer was lost.
            DeletedSecretError: A deleted secret has the name.
            WriteRefusedError: The app's identity may not.
            VaultError: The vault did not add it.
        """
        begins = lifetime.not_before
        added = await self._write(
            f"a new version of {secret.name}",
            lambda vault: vault.set_secret(
                secret.name,
                value,
                content_type=secret.content_type,
                not_before=None if begins is None else datetime.fromtimestamp(begins, UTC),
                expires_on=datetime.fromtimestamp(lifetime.expires, UTC),
                tags=dict(tags),
                retry_total=0,
            ),
        )
        return _version(added.properties)

    async def disable(self, name: str, version: str) -> None:
        """Disable a version.

        Raises:
            WriteRefusedError: The app's identity may not.
            VaultError: The vault did not answer that it has.
        """
        await self._change(name, version, enabled=False)

    async def expire(self, name: str, version: str, at: float) -> None:
        """Let a version expire, in POSIX seconds; errors as of `disable`."""
        await self._change(name, version, expires_on=datetime.fromtimestamp(at, UTC))

    async def tag(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a version; errors as of `disable`."""
        await self._change(name, version, tags=dict(tags))

    async def _change(self, name: str, version: str, **attributes: Any) -> None:
        what = f"the attributes of a version of {name}"
        try:
            await self._write(
                what, lambda vault: vault.update_secret_properties(name, version, **attributes)
            )
        except UnknownOutcomeError as error:
            raise VaultError(f"{what}: the answer was lost") from error

    async def close(self) -> None:
        """Close the connections, if any were opened."""
        if self._opened is not None:
            client, credential = self._opened
            self._opened = None
            await client.close()
            await credential.close()

    async def _ask(self, what: str, question: Callable[[SecretClient], Awaitable[_T]]) -> _T:
        """Put a question to the vault, and say what went wrong in the words of this module."""
        try:
            return await question(self._open())
        except ClientAuthenticationError as error:
            raise VaultError(f"{what}: {_reason(error)}; {_CHECK_IDENTITY}") from error
        except HttpResponseError as error:
            kind = AbsentError if _is_absent(error) else VaultError
            message = f"{what}: {_reason(error)}{_remedy(error)}"
            raise kind(message, _retry_after(error)) from error

    async def _write(self, what: str, change: Callable[[SecretClient], Awaitable[_T]]) -> _T:
        """Change something in the vault, and tell what was not done from what may be."""
        try:
            return await self._ask(what, change)
        except VaultError as error:
            cause = error.__cause__
            if isinstance(cause, HttpResponseError) and not isinstance(
                cause, ClientAuthenticationError
            ):
                raise _write_error(cause, error) from cause
            raise
        except AzureError as error:
            # The transport calls a connection that was cut a request that could not be sent.
            raise UnknownOutcomeError(f"{what}: the answer was lost") from error

    def _open(self) -> SecretClient:
        if self._opened is None:
            credential = self._open_credential()
            self._opened = (SecretClient(self._url, credential, **self._options), credential)
        return self._opened[0]


async def _secrets(vault: SecretClient) -> list[ListedSecret]:
    return [
        ListedSecret(
            name=secret.name,
            enabled=bool(secret.enabled),
            created=_seconds(secret.created_on) or 0.0,
            updated=_seconds(secret.updated_on) or 0.0,
            tags=secret.tags or {},
            not_before=_seconds(secret.not_before),
            expires=_seconds(secret.expires_on),
            content_type=secret.content_type or "",
        )
        async for secret in vault.list_properties_of_secrets()
        if secret.name
    ]


async def _versions(vault: SecretClient, name: str) -> list[SecretVersion]:
    return [_version(version) async for version in vault.list_properties_of_secret_versions(name)]


def _version(version: SecretProperties) -> SecretVersion:
    return SecretVersion(
        id=version.version or "",
        enabled=bool(version.enabled),
        created=_seconds(version.created_on) or 0.0,
        not_before=_seconds(version.not_before),
        expires=_seconds(version.expires_on),
        tags=version.tags or {},
    )


def _write_error(error: HttpResponseError, told: VaultError) -> Exception:
    """Tell the refusals of a write apart; a server error may come after it was done."""
    inner = _codes(error)[1:]
    if inner == ["ObjectIsDeletedButRecoverable"]:
        return DeletedSecretError(str(told))
    if error.status_code == 403 and inner not in (["ForbiddenByFirewall"], ["SecretDisabled"]):
        return WriteRefusedError(str(told))
    if error.status_code is None or error.status_code >= 500:
        return UnknownOutcomeError(str(told))
    return told


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _is_absent(error: HttpResponseError) -> bool:
    """Tell what is missing or disabled from a vault that is missing, or rights that are.

    The status does not: a disabled version is a 403, and a proxy or a wrong URL answers 404 too.
    """
    codes = _codes(error)
    return codes[:1] == ["SecretNotFound"] or codes[1:] == ["SecretDisabled"]


def _codes(error: HttpResponseError) -> list[str]:
    """Return the error code and the inner one, which names the reason of a 403."""
    if error.error is None:
        return []
    inner = error.error.innererror
    codes = [error.error.code, inner.get("code") if isinstance(inner, dict) else None]
    return [code for code in codes if isinstance(code, str)]


def _reason(error: HttpResponseError) -> str:
    """Give the status and the codes; the vault's own prose names people and places."""
    status = "no answer" if error.status_code is None else str(error.status_code)
    return "/".join([status, *(_codes(error) or [type(error).__name__])])


def _retry_after(error: HttpResponseError) -> float:
    """Return the seconds that an answer asks to wait (RFC 9110 section 10.2.3), 0 if it does not.

    Key Vault says them in digits if at all.
    """
    headers = getattr(error.response, "headers", {})  # there is no answer when none arrived
    text = str(headers.get("Retry-After", ""))
    return float(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0.0


def _remedy(error: HttpResponseError) -> str:
    """Say what to do about it, as far as that is known."""
    if _codes(error)[1:] == ["ForbiddenByFirewall"]:
        return "; let the app's network through the vault's firewall"
    if error.status_code == 403:
        return "; give the app's identity the role Key Vault Secrets User on the vault"
    if error.status_code == 404:
        return "; put the vault's URL into KEY_VAULT_URL"
    return ""
