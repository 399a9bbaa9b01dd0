"""The authenticator that the settings ask for."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from shared.auth.secret_changes import SecretChanges
from shared.auth.tenant_tokens import TenantTokens, VaultTenantTokens, WithoutVault
from shared.auth.tokens import (
    AcceptedCredentials,
    ApiKey,
    Authenticator,
    Caller,
    Choose,
    DevelopmentTokens,
    SecretToken,
)
from shared.auth.webhook_secrets import SecretsWithoutVault, VaultWebhookSecrets, WebhookSecrets
from shared.clock import Clock
from shared.errors import Unavailable
from shared.identity import open_credential
from shared.notices import Notices

if TYPE_CHECKING:
    from shared.settings import Settings

_RETRY_AFTER = 60

_log = logging.getLogger(__name__)


def authenticator(settings: Settings) -> Authenticator:
    """Return the authenticator of a process; nothing is opened until the first request.

    On a developer's machine the tokens of the settings go before the vault.
    """
    if settings.is_development and settings.development_tokens:
        return DevelopmentTokens(
            settings.development_tokens, settings.api_keys, settings.client_secret
        )
    if settings.key_vault_url is not None:
        # Imported here: a developer's machine has tokens in its settings and no use for the SDK.
        from shared.auth.key_vault import KeyVault  # noqa: PLC0415
        from shared.auth.vault import VaultTokens  # noqa: PLC0415

        return VaultTokens(KeyVault(settings.key_vault_url, partial(open_credential, settings)))
    return Unconfigured("SCIM_SECRET_TOKEN" if settings.is_development else "KEY_VAULT_URL")


def tenant_tokens(settings: Settings, opened: Authenticator) -> TenantTokens:
    """Return what manages the tokens of an authenticator that `authenticator` has made."""
    if isinstance(opened, DevelopmentTokens):
        return VaultTenantTokens(opened.vault, opened)
    if settings.key_vault_url is not None:
        from shared.auth.key_vault import DeletedSecretError, WriteRefusedError  # noqa: PLC0415
        from shared.auth.vault import VaultTokens  # noqa: PLC0415 - as above

        if isinstance(opened, VaultTokens):
            return VaultTenantTokens(opened.vault, opened, WriteRefusedError, DeletedSecretError)
    return WithoutVault()


def webhook_secrets(settings: Settings, opened: Authenticator) -> WebhookSecrets:
    """Return what manages the signing secrets of an authenticator, as `tenant_tokens` does."""
    if isinstance(opened, DevelopmentTokens):
        changes = SecretChanges(opened.vault, opened.note_change, (), Clock())
        return VaultWebhookSecrets(opened.vault, opened, changes)
    if settings.key_vault_url is not None:
        from shared.auth.key_vault import WriteRefusedError  # noqa: PLC0415
        from shared.auth.vault import VaultTokens  # noqa: PLC0415 - as above

        if isinstance(opened, VaultTokens):
            changes = SecretChanges(opened.vault, opened.note_change, WriteRefusedError, Clock())
            return VaultWebhookSecrets(opened.vault, opened, changes)
    return SecretsWithoutVault()


class Unconfigured:
    """Lets no one in, because the settings name no place where tokens are."""

    def __init__(self, setting: str) -> None:
        """Prepare.

        Args:
            setting: The name of the setting that is missing.
        """
        self._setting = setting
        self._notices = Notices()

    async def authenticate(self, tenant: str | None, authorization: str | None) -> Caller:
        """Refuse the request.

        Raises:
            Unavailable: Always. The log says what to set, once a minute at most.
        """
        del tenant, authorization  # no token can be right, so none is looked at
        raise self._refusal()

    async def identify(self, authorization: str | None) -> ApiKey:
        """Refuse the request.

        Raises:
            Unavailable: Always, as in `authenticate`.
        """
        del authorization
        raise self._refusal()

    async def has_tenant(self, tenant: str) -> bool:
        """Know no tenant.

        Raises:
            Unavailable: Always, as in `authenticate`.
        """
        del tenant
        raise self._refusal()

    async def accepted_credentials(self, tenant: str) -> AcceptedCredentials:
        """Know nothing that a tenant accepts.

        Raises:
            Unavailable: Always, as in `authenticate`.
        """
        del tenant
        raise self._refusal()

    async def federated_clients(self) -> tuple[tuple[str, str], ...]:
        """Name none, because nobody knows any."""
        return ()

    async def choose(self, secret: str | None, choose: Choose) -> SecretToken | None:
        """Choose nothing.

        Raises:
            Unavailable: Always, as in `authenticate`.
        """
        del secret, choose
        raise self._refusal()

    async def refresh(self) -> bool:
        """Say that there is nothing to read."""
        return False

    async def tenants(self) -> tuple[str, ...]:
        """Name no tenant, because nobody knows any.

        Raises:
            Unavailable: Always, as in `authenticate`.
        """
        raise self._refusal()

    async def close(self) -> None:
        """Close nothing."""

    def _refusal(self) -> Unavailable:
        if self._notices.is_due(self._setting):
            _log.error("%s is not set, so every request is answered 503; set it", self._setting)
        return Unavailable(
            "The service has no tokens configured; its operator finds the setting in the log.",
            retry_after=_RETRY_AFTER,
        )
