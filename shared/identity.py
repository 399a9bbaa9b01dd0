"""The identity with which the app opens Key Vault and Table Storage: there is no key in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from shared.settings import Settings


def open_credential(settings: Settings) -> AsyncTokenCredential:
    """Return a new credential; the caller closes it.

    In Azure it is the managed identity and nothing else: the chain of `DefaultAzureCredential`
    would try others first, and take seconds over it. On a developer's machine the chain finds the
    `az login`.
    """
    # Imported here because azure-identity takes as long to import as everything else together.
    if settings.is_development:
        from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - see above

        return DefaultAzureCredential(managed_identity_client_id=settings.client_id)
    from azure.identity.aio import ManagedIdentityCredential  # noqa: PLC0415 - see above

    return ManagedIdentityCredential(
        client_id=settings.client_id,
        connection_timeout=3,
        read_timeout=5,
        retry_total=2,
        retry_backoff_factor=0.2,  # the requests that wait for it have seconds, not tens of them
    )
