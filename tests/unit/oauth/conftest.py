"""An authorization server on a vault that speaks TLS, as the service has one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from shared.oauth.authorization_server import AuthorizationServer
from tests.support.oauth import SIGNING_KEY, private_key
from tests.unit.auth.conftest import auth_log, open_tokens, production, tokens

if TYPE_CHECKING:
    from shared.auth.vault import VaultTokens
    from shared.oauth.authorization_server import IssuedToken, JwtDecision
    from shared.oauth.credentials import ClientCredential
    from tests.support.fakes.clock import Time
    from tests.support.fakes.key_vault import FakeKeyVault

__all__ = ["auth_log", "open_tokens", "production", "tokens"]

URL = "https://id.example.com/tenants/acme/scim/v2"


@dataclass(slots=True)
class Server:
    """The authorization server of the tenant `acme`, and what it stands on."""

    server: AuthorizationServer
    tokens: VaultTokens
    vault: FakeKeyVault
    time: Time
    signing_key: str = field(default_factory=private_key)
    used: dict[str, float] = field(default_factory=dict)

    async def issue(
        self, presented: ClientCredential, tenant: str | None = "acme", url: str = URL
    ) -> IssuedToken:
        return await self.server.issue(tenant, url, presented, self.use_once)

    async def use_once(self, assertion: str, expires: float) -> bool:
        """What the table is for the service (`shared/store/used_assertions.py`)."""
        is_first = self.used.get(assertion, self.now) <= self.now
        self.used[assertion] = expires
        return is_first

    async def decide(
        self, text: str, tenant: str | None = "acme", url: str = URL
    ) -> JwtDecision | None:
        return await self.server.decide(tenant, url, text)

    async def is_let_in(self, text: str, **where: Any) -> bool:
        decision = await self.decide(text, **where)
        return decision is not None and decision.caller is not None

    async def failed(self, text: str, **where: Any) -> str:
        """The name of the check that a token fails."""
        decision = await self.decide(text, **where)
        assert decision is not None
        assert decision.caller is None
        return "" if decision.failed is None else decision.failed.name

    @property
    def now(self) -> float:
        return self.time.clock().wall()


@pytest.fixture
def acme(tokens: VaultTokens, vault: FakeKeyVault, clock: Time) -> Server:
    """A tenant with a token, in a vault with a signing key."""
    server = AuthorizationServer(tokens, 3_600, clock.clock())
    made = Server(server, tokens, vault, clock)
    vault.put("scim-token--acme", "the-token-of-the-tenant")
    vault.put(SIGNING_KEY, made.signing_key)
    return made
