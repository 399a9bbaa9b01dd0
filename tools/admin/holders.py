"""Whose secret it is: of a tenant, an API key, an OAuth client, or the service, which signs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self

from shared import api_keys, clients, tenants


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose secret it is, and the words for it.

    Attributes:
        name: of the tenant or of the key.
        secret: name of the secret in Key Vault.
        title: as `the tenant acme`.
        kind: as `the tenant`.
        version: what a version of the secret is called, as `token`.
        command: which manages it, as `token`.
        lister: the command that lists all of the kind, as `tenant list`.
        option: how a command names it, with a blank before it; "" where it need not.
        content_type: what the portal shows beside the secret, in the place of its value.
        introduction: what is said of a value that was just drawn.
        field: names it in JSON.
        value_field: names a value in JSON.
        stays: said of what is closed, with a blank before it.
        prefix: what a value begins with, before what is random.
        given: the value of a version that is added, where none is to be drawn for somebody.
    """

    name: str
    secret: str
    title: str
    kind: str
    version: str
    command: str
    lister: str
    option: str
    content_type: str
    introduction: str
    field: str
    value_field: str
    stays: str = ""
    prefix: str = ""
    given: str = dataclasses.field(default="", repr=False)

    @classmethod
    def tenant(cls, name: str) -> Self:
        """Describe a tenant, whose secret holds its tokens."""
        path = "/scim/v2" if name == tenants.DEFAULT else f"/tenants/{name}/scim/v2"
        return cls(
            name=name,
            secret=tenants.secret_name(name),
            title=f"the tenant {name}",
            kind="the tenant",
            version="token",
            command="token",
            lister="tenant list",
            option="" if name == tenants.DEFAULT else f" --tenant {name}",
            content_type="SCIM secret token",
            introduction=f"the secret token of the tenant {name} (Tenant URL https://<host>{path})",
            field="tenant",
            value_field="token",
            stays=" Its data stay.",
        )

    @classmethod
    def api_key(cls, name: str) -> Self:
        """Describe an API key."""
        return cls(
            name=name,
            secret=api_keys.secret_name(name),
            title=f"the API key {name}",
            kind="the key",
            version="version",
            command="apikey",
            lister="apikey list",
            option=f" {name}",
            content_type="SCIM API key",
            introduction=f"the API key {name}",
            field="apikey",
            value_field="key",
            prefix=f"{api_keys.PREFIX}{name}_",
        )

    @classmethod
    def client(cls, tenant: str, name: str) -> Self:
        """Describe an OAuth client of a tenant."""
        path = "/scim/v2" if tenant == tenants.DEFAULT else f"/tenants/{tenant}/scim/v2"
        return cls(
            name=name,
            secret=clients.secret_name(tenant, name),
            title=f"the client {name} of the tenant {tenant}",
            kind="the client",
            version="credential",
            command="client",
            lister="client list",
            option=f" {name}" if tenant == tenants.DEFAULT else f" {name} --tenant {tenant}",
            content_type="SCIM client secret",
            introduction=f"the client secret of {name} (client id {name}, token endpoint"
            f" https://<host>{path}/oauth2/token)",
            field="client",
            value_field="secret",
            prefix=clients.SECRET_PREFIX,
        )

    @classmethod
    def signing_key(cls) -> Self:
        """Describe the keys that sign access tokens."""
        return cls(
            name=clients.SIGNING_KEY,
            secret=clients.SIGNING_KEY,
            title="the signing key",
            kind="the signing key",
            version="version",
            command="signing-key",
            lister="signing-key list",
            option="",
            content_type="SCIM signing key",
            introduction="the signing key",
            field="secret",
            value_field="key",
            stays=" No access token is valid any more.",
        )
