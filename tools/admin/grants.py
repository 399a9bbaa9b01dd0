"""The az commands that give an operator what is missing: rights, and secrets that were deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tools.admin.sign_in import Identity

VAULT_ROLE = "Key Vault Secrets Officer"
STORAGE_ROLE = "Storage Table Data Reader"
STORAGE_WRITER_ROLE = "Storage Table Data Contributor"


def recovery(url: str, secret: str) -> str:
    """Return the command that brings a deleted secret of a vault back."""
    return f"az keyvault secret recover --vault-name {_account(url)} --name {secret}"


def on_vault(url: str, identity: Identity) -> str:
    """Return the command that lets an operator manage the secrets of a vault."""
    scope = f"az keyvault show --name {_account(url)} --query id --output tsv"
    return _assignment(VAULT_ROLE, scope, identity)


def on_storage(endpoint: str, identity: Identity, role: str = STORAGE_ROLE) -> str:
    """Return the command that gives an operator a role on a storage account: to read its tables."""
    scope = f"az storage account show --name {_account(endpoint)} --query id --output tsv"
    return _assignment(role, scope, identity)


def _assignment(role: str, scope: str, identity: Identity) -> str:
    assignee = identity.object_id or '"$(az ad signed-in-user show --query id --output tsv)"'
    kind = "ServicePrincipal" if identity.object_id and identity.is_application else "User"
    return (
        f'az role assignment create --role "{role}" --assignee-object-id {assignee}'
        f' --assignee-principal-type {kind} --scope "$({scope})"'
    )


def _account(url: str) -> str:
    return (urlsplit(url).hostname or "").partition(".")[0]
