"""The OAuth clients of a tenant as Connect shows them: what identifies them, and nothing secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import clients
from shared.clients import CredentialKind
from shared.errors import Unavailable
from shared.oauth.trusts import Trust, parse_trust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.visit import Visit
    from shared.auth.tokens import SecretToken

MOST_CLIENTS: Final = 10
"""Clients that are shown."""


@dataclass(frozen=True, slots=True)
class ShownClient:
    """An OAuth client.

    Attributes:
        name: its client id.
        kind: by what it is known.
        trust: whose tokens it is known by, where it is by those of another issuer.
    """

    name: str
    kind: CredentialKind
    trust: Trust | None = None

    @property
    def method(self) -> str:
        """How it authenticates: the last part of the keys of the texts about it."""
        if self.trust is not None:
            return "own_token" if self.trust.bearer else "federation"
        return "assertion" if self.kind is CredentialKind.PUBLIC_KEY else "client_secret"


@dataclass(frozen=True, slots=True)
class ShownMethods:
    """By what a tenant lets its identity provider in.

    Attributes:
        by_token: whether by a secret token.
        clients: its OAuth clients that are open.
    """

    by_token: bool = True
    clients: Sequence[ShownClient] = ()

    @property
    def with_secrets(self) -> list[str]:
        """Names of the clients that have a client secret, which can be tested here."""
        return [each.name for each in self.clients if each.method == "client_secret"]


async def read_methods(visit: Visit) -> ShownMethods:
    """Tell by what the identity provider comes in; as usual where that cannot be told at present.

    No call of storage, and of the vault what is not remembered: one for each client a minute.
    """
    tenant = visit.entered.context.tenant
    authenticator = visit.services.authenticator
    try:
        accepted = await authenticator.accepted_credentials(tenant)
        shown = [
            _shown(name, await authenticator.choose(clients.secret_name(tenant, name), _newest))
            for name in accepted.clients[:MOST_CLIENTS]
        ]
    except Unavailable:
        return ShownMethods()
    # A tenant that is closed accepts nothing; what it would accept is told by its tokens.
    by_token = accepted.by_token or not accepted.clients
    return ShownMethods(by_token, [each for each in shown if each is not None])


def _newest(versions: Sequence[SecretToken], valid: int) -> SecretToken | None:
    return next(iter(versions[:valid]), None)


def _shown(name: str, credential: SecretToken | None) -> ShownClient | None:
    """Show a client by its newest credential, of which a secret has no value here."""
    if credential is None:
        return None
    if not credential.value:
        return ShownClient(name, CredentialKind.SECRET)
    kind, trust = clients.kind_of(credential.value), parse_trust(credential.value)
    if kind is None or (kind is CredentialKind.TRUST and trust is None):
        return None
    return ShownClient(name, kind, trust)
