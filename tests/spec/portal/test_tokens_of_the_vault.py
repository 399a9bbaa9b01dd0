"""Connect as in production: tokens are drawn and revoked in the vault, beside OAuth clients."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from shared.portal_codes import PATH
from tests.support.fixtures.api_client import KEYS
from tests.support.fixtures.portal_visitor import Visitor, form_in, text_of
from tests.support.oauth import SECRET, SIGNING_KEY, private_key, public_half
from tests.support.production import PUBLIC, Azure, Deployed, azure_in, bearer, deployed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CONNECT, TOKENS, REVOKE = "/portal/connect", "/portal/tokens", "/portal/tokens/revoke"
TEST = "/portal/connect/test?by=client#test"
TEST_OF_TOKEN = "/portal/connect/test#test"
SECRET_OF_CLIENTS = f"scimsecret_{'c' * 43}"
TRUST = {
    "issuer": "https://login.microsoftonline.com/contoso/v2.0",
    "jwksUri": "https://login.microsoftonline.com/contoso/discovery/v2.0/keys",
    "audiences": ["api://scim"],
    "subject": "the-object-of-provisioning",
}
TENANTS = 30
"""More than there are tests."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A tenant of the deployed service, whose administrator has opened a setup link.

    Attributes:
        app: The service.
        azure: What stands around it.
        tenant: The name of the tenant.
        visitor: The administrator's browser.
        link_id: Of the setup link.
    """

    app: Deployed
    azure: Azure
    tenant: str
    visitor: Visitor
    link_id: str

    @property
    def versions(self) -> list[Any]:
        """Those of the tenant's secret, the oldest first."""
        return self.azure.vault.secrets[f"scim-token--{self.tenant}"]

    @property
    def label(self) -> str:
        """By which the log and the change rows name what is done at the portal."""
        return f"portal/{self.link_id[:8]}"

    async def opens(self, token: str) -> bool:
        """Tell whether a token opens the tenant for its identity provider."""
        url = f"/tenants/{self.tenant}/scim/v2/Users?count=1"
        status = (await self.app.client.get(url, headers=bearer(token))).status_code
        assert status in {200, 401}
        return status == 200

    async def draw(self) -> str:
        """Draw a token; what the page shows."""
        response = await self.visitor.send(CONNECT, TOKENS)
        found = re.search(r'id="drawn-token"[^>]*value="([^"]+)"', response.text)
        assert found, text_of(response)
        return found[1]

    async def told(self, action: str) -> dict[str, Any]:
        """What the log says of what was done to the tokens of the tenant."""
        line = rf'\{{"tokens": "{action}", "tenant": "{self.tenant}".*\}}$'
        told: dict[str, Any] = json.loads((await self.app.log.until_matched(line))[0])
        return told


@pytest.fixture(scope="session")
async def portal_of_azure(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Deployed, Azure]]:
    """The service with a portal, beside a vault that it may write to."""
    async with azure_in(tmp_path_factory.mktemp("azure")) as azure:
        scopes = {"scopes": "tenants.manage"}
        azure.vault.put("scim-apikey--events", KEYS["events"], tags=scopes)
        for number in range(TENANTS):
            azure.vault.put(f"scim-token--c{number}", first_token_of(f"c{number}"))
            azure.vault.put(f"scim-client--c{number}--entra", SECRET_OF_CLIENTS)
            azure.vault.put(f"scim-client--c{number}--jwt", public_half(private_key()))
            azure.vault.put(f"scim-client--c{number}--wif", json.dumps(TRUST))
            azure.vault.put(f"scim-client--c{number}--own", json.dumps({**TRUST, "bearer": True}))
        azure.vault.put(SIGNING_KEY, private_key())
        async with deployed({**azure.settings, "SCIM_PORTAL": "on"}) as app:
            yield app, azure


@pytest.fixture(scope="session")
def tenants() -> Iterator[str]:
    """Names of tenants that no test has used yet."""
    return (f"c{number}" for number in range(TENANTS))


@pytest.fixture
async def customer(
    portal_of_azure: tuple[Deployed, Azure], tenants: Iterator[str]
) -> AsyncIterator[Customer]:
    app, azure = portal_of_azure
    tenant = next(tenants)
    async with httpx.AsyncClient(base_url=app.client.base_url, timeout=60, trust_env=False) as http:
        visitor = Visitor(http, tenant)
        link_id, link = await visitor.make_link()
        assert link.startswith(f"{PUBLIC}{PATH}#")
        opened = await visitor.open_link(link)
        cookie = opened.headers["set-cookie"]
        assert cookie.startswith("__Host-portal=")
        assert "; Secure" in cookie
        # Which the cookies of the client keep from plain HTTP, behind the TLS of the platform.
        http.headers["Cookie"] = cookie.partition(";")[0]
        yield Customer(app, azure, tenant, visitor, link_id)


def first_token_of(tenant: str) -> str:
    return f"the-first-token-of-{tenant}"


async def test_the_tokens_are_listed_by_the_labels_of_the_log(customer: Customer) -> None:
    page = await customer.visitor.page(CONNECT)
    (first,) = customer.versions
    assert f"scim-token--{customer.tenant}/{first.id[:8]} valid" in page
    assert first.value not in page


async def test_a_token_is_shown_once_and_opens_the_tenant_at_once(customer: Customer) -> None:
    token = await customer.draw()
    assert await customer.opens(token)
    assert await customer.opens(first_token_of(customer.tenant))  # nothing is interrupted
    assert customer.versions[-1].value == token
    assert token not in (await customer.visitor.get(CONNECT)).text
    assert token not in customer.app.log.text


async def test_the_log_and_the_activity_name_the_link_that_drew(customer: Customer) -> None:
    await customer.draw()
    told = await customer.told("draw")
    assert (told["by"], told["version"]) == (customer.label, customer.versions[-1].id)
    activity = await customer.visitor.page("/portal/activity")
    assert re.search(rf"Drew a secret token .* by {customer.label}", activity)


async def test_a_form_that_is_sent_again_draws_no_second_token(customer: Customer) -> None:
    form = form_in((await customer.visitor.get(CONNECT)).text, TOKENS)
    statuses = [(await customer.visitor.http.post(TOKENS, data=form)).status_code for _ in range(2)]
    assert statuses == [200, 409]
    assert len(customer.versions) == 2


async def test_a_rotation_ends_with_the_older_token_revoked(customer: Customer) -> None:
    token = await customer.draw()
    revoked = await customer.visitor.send(CONNECT, REVOKE)
    assert revoked.headers["location"] == "/portal/connect?done=revoked#tokens"
    assert not await customer.opens(first_token_of(customer.tenant))
    assert await customer.opens(token)
    told = await customer.told("revoke")
    assert (told["by"], told["disabled"]) == (customer.label, [customer.versions[0].id])
    assert "Revoked a secret token" in await customer.visitor.page("/portal/activity")


async def test_the_newest_token_is_not_revoked(customer: Customer) -> None:
    form = form_in((await customer.visitor.get(CONNECT)).text, TOKENS)
    newest = {"csrf": form["csrf"], "version": form["newest"]}
    refused = await customer.visitor.http.post(REVOKE, data=newest)
    assert refused.status_code == 409
    assert await customer.opens(first_token_of(customer.tenant))


async def test_without_the_right_to_write_the_page_says_to_ask_the_vendor(
    customer: Customer,
) -> None:
    customer.azure.vault.is_read_only = True
    try:
        refused = await customer.visitor.send(CONNECT, TOKENS)
    finally:
        customer.azure.vault.is_read_only = False
    assert refused.status_code == 501
    assert "Ask the vendor of the product for a token." in text_of(refused)
    assert len(customer.versions) == 1
    assert "Drew a secret token" not in await customer.visitor.page("/portal/activity")
    assert (await customer.told("draw"))["refused"] == "WriteRefusedError"


async def test_a_tenant_that_the_vendor_has_closed_is_not_opened_by_a_draw(
    customer: Customer,
) -> None:
    form = form_in((await customer.visitor.get(CONNECT)).text, TOKENS)
    customer.versions[-1].enabled = False
    assert "The vendor of the product has closed this tenant." in await customer.visitor.page(
        CONNECT
    )
    assert f'action="{TOKENS}"' not in (await customer.visitor.get(CONNECT)).text
    refused = await customer.visitor.http.post(TOKENS, data=form)
    assert (refused.status_code, "This tenant is closed" in text_of(refused)) == (409, True)
    assert len(customer.versions) == 1


async def test_while_the_vault_does_not_answer_the_rest_of_the_page_does(
    customer: Customer,
) -> None:
    await customer.visitor.page(CONNECT)
    of_the_tenant = f"/secrets/scim-token--{customer.tenant}/versions"
    with customer.azure.vault.failing(403, only=of_the_tenant):
        page = await customer.visitor.page(CONNECT)
    assert "The vault that holds the tokens does not answer." in page
    assert "Test the connection" in page


# OAuth clients


async def test_each_client_has_the_fields_of_the_provider_and_nothing_secret(
    customer: Customer,
) -> None:
    page = await customer.visitor.get(CONNECT)
    text = text_of(page)
    url = f"{PUBLIC}/tenants/{customer.tenant}/scim/v2"
    for said in (
        "With OAuth, as the client entra",
        "OAuth token endpoint",
        "OAuth2 client credentials grant",
        "Header, Body or Both",
        "With OAuth and a key of its own, as the client jwt",
        "With workload identity federation, as the client wif",
        "Audience that is expected api://scim",
        "Subject that is let in the-object-of-provisioning",
        "With a token of your identity provider, as the client own",
        "leave it empty",
    ):
        assert said in text
    assert f'value="{url}/oauth2/token"' in page.text
    assert f'value="{url}"' in page.text
    assert SECRET_OF_CLIENTS not in page.text
    assert "BEGIN PUBLIC KEY" not in page.text


async def test_a_client_secret_is_tested_as_entra_would_use_it(customer: Customer) -> None:
    fields = {"client": "entra", "secret": f" {SECRET_OF_CLIENTS}"}
    passed = await customer.visitor.send(CONNECT, TEST, **fields)
    text = text_of(passed)
    assert "Your identity provider will connect." in text
    assert "The token endpoint has given an access token." in text
    assert "The token opens this Tenant URL." in text
    assert SECRET_OF_CLIENTS not in passed.text
    assert SECRET_OF_CLIENTS not in customer.app.log.text


async def test_a_result_stands_below_what_was_tested(customer: Customer) -> None:
    by_token = text_of(await customer.visitor.send(CONNECT, TEST_OF_TOKEN, token="wrong"))
    assert by_token.index("would be refused") < by_token.index("Test the client")
    by_client = text_of(await customer.visitor.send(CONNECT, TEST, client="entra", secret="x"))
    assert by_client.index("Test the client") < by_client.index("would be refused")


@pytest.mark.parametrize(
    ("client", "secret", "said"),
    [
        ("entra", "", "There is no client secret."),
        ("entra", "a-token-that-is-none", "No client secret has this form."),
        ("entra", SECRET, "does not know the client by this secret (401)"),
        ("another", SECRET_OF_CLIENTS, "does not know the client by this secret (401)"),
        ("", SECRET_OF_CLIENTS, "does not know the client by this secret (401)"),
    ],
)
async def test_a_client_that_is_refused_is_told_why(
    customer: Customer, client: str, secret: str, said: str
) -> None:
    text = text_of(await customer.visitor.send(CONNECT, TEST, client=client, secret=secret))
    assert "Your identity provider would be refused." in text
    assert said in text
    assert "What to do:" in text
