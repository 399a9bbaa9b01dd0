"""Whose secret it is: of a tenant, an API key, an OAuth client, an endpoint, or the service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from shared import clients, tenants
from shared.auth.rotation import ManagedSecret
from tools.admin.places import Kept

PUBLIC_KEY_TAG = "publicKey"
"""Tag of a version of the signing key: its public half, which tells whose signature a token has."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose secret it is, and the words for it.

    Attributes:
        name: of the tenant or of the key.
        secret: the secret in Key Vault.
        kept: what it is of all that commands manage there.
        title: as `the tenant acme`.
        kind: as `the tenant`.
        version: what a version of the secret is called, as `token`.
        command: which manages it, as `token`.
        lister: the command that lists all of the kind, as `tenant list`.
        option: how a command names it, with a blank before it; "" where it need not.
        introduction: what is said of a value that was just drawn.
        field: names it in JSON.
        value_field: names a value in JSON.
        stays: said of what is closed, with a blank before it.
    """

    name: str
    secret: ManagedSecret
    kept: Kept
    title: str
    kind: str
    version: str
    command: str
    lister: str
    option: str
    introduction: str
    field: str
    value_field: str
    stays: str = ""

    @classmethod
    def tenant(cls, name: str) -> Self:
        """Describe a tenant, whose secret holds its tokens."""
        path = "/scim/v2" if name == tenants.DEFAULT else f"/tenants/{name}/scim/v2"
        return cls(
            name=name,
            secret=ManagedSecret.of_tenant(name),
            kept=Kept.TOKENS,
            title=f"the tenant {name}",
            kind="the tenant",
            version="token",
            command="token",
            lister="tenant list",
            option="" if name == tenants.DEFAULT else f" --tenant {name}",
            introduction=f"the secret token of the tenant {name} (Tenant URL https://<host>{path})",
            field="tenant",
            value_field="token",
            stays=" Its data stay; its OAuth clients are closed with it.",
        )

    @classmethod
    def api_key(cls, name: str) -> Self:
        """Describe an API key."""
        return cls(
            name=name,
            secret=ManagedSecret.of_api_key(name),
            kept=Kept.API_KEYS,
            title=f"the API key {name}",
            kind="the key",
            version="version",
            command="apikey",
            lister="apikey list",
            option=f" {name}",
            introduction=f"the API key {name}",
            field="apikey",
            value_field="key",
        )

    @classmethod
    def client(cls, tenant: str, name: str) -> Self:
        """Describe an OAuth client of a tenant."""
        path = "/scim/v2" if tenant == tenants.DEFAULT else f"/tenants/{tenant}/scim/v2"
        return cls(
            name=name,
            secret=ManagedSecret.of_client(tenant, name),
            kept=Kept.CLIENTS,
            title=f"the client {name} of the tenant {tenant}",
            kind="the client",
            version="credential",
            command="client",
            lister="client list",
            option=f" {name}" if tenant == tenants.DEFAULT else f" {name} --tenant {tenant}",
            introduction=f"the client secret of {name} (client id {name}, token endpoint"
            f" https://<host>{path}/oauth2/token)",
            field="client",
            value_field="secret",
        )

    @classmethod
    def webhook(cls, endpoint_id: str) -> Self:
        """Describe a webhook endpoint, whose secret signs what is sent to it."""
        return cls(
            name=endpoint_id,
            secret=ManagedSecret.of_webhook(endpoint_id),
            kept=Kept.WEBHOOK_SECRETS,
            title=f"the webhook endpoint {endpoint_id}",
            kind="the endpoint",
            version="secret",
            command="webhook",
            lister="webhook list",
            option=f" {endpoint_id}",
            introduction=f"the secret of the webhook endpoint {endpoint_id}",
            field="webhook",
            value_field="secret",
        )

    @classmethod
    def signing_key(cls) -> Self:
        """Describe the keys that sign access tokens."""
        return cls(
            name=clients.SIGNING_KEY,
            secret=ManagedSecret.of_signing_keys(),
            kept=Kept.SIGNING_KEYS,
            title="the signing key",
            kind="the signing key",
            version="version",
            command="signing-key",
            lister="signing-key list",
            option="",
            introduction="the signing key",
            field="secret",
            value_field="key",
            stays=" No access token is valid any more.",
        )
