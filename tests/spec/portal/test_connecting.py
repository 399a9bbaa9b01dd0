"""Connect: the values for the identity provider, its tokens, and the test of a connection."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.fixtures.portal_visitor import Visitor, form_in, text_of

if TYPE_CHECKING:
    import httpx

    from tests.support.fixtures.scim_client import Scim

CONNECT, TEST, TOKENS = "/portal/connect", "/portal/connect/test#test", "/portal/tokens"


def token_in(page: httpx.Response) -> str:
    found = re.search(r'id="drawn-token"[^>]*value="([^"]+)"', page.text)
    assert found, "no token is shown"
    return found[1]


@pytest.fixture(autouse=True)
async def entered(visitor: Visitor) -> None:
    await visitor.enter()


@pytest.mark.parametrize("provider", ["entra", "okta", "other"])
async def test_the_tenant_url_is_shown_under_the_name_of_the_provider(
    visitor: Visitor, scim: Scim, provider: str
) -> None:
    page = (await visitor.get(f"{CONNECT}?provider={provider}")).text
    names = {"entra": "Tenant URL", "okta": "SCIM connector base URL", "other": "Base URL of SCIM"}
    assert names[provider] in page
    assert f'value="{scim.tenant_url}"' in page


async def test_it_waits_for_the_first_user_and_says_when_it_came(
    visitor: Visitor, scim: Scim
) -> None:
    assert "Waiting for the first user" in await visitor.page(CONNECT)
    await scim.create_user()
    assert "1 user and 0 groups have come" in await visitor.page(CONNECT)


async def test_a_token_is_shown_once_and_opens_the_tenant(visitor: Visitor, scim: Scim) -> None:
    drawn = token_in(await visitor.send(CONNECT, TOKENS))
    headers = {"Authorization": f"Bearer {drawn}"}
    assert (await scim.http.get(f"{scim.tenant_url}/Users", headers=headers)).status_code == 200
    assert drawn not in (await visitor.get(CONNECT)).text


async def test_a_new_token_stands_among_the_fields_that_need_it(visitor: Visitor) -> None:
    page = await visitor.send(f"{CONNECT}?provider=okta", TOKENS)
    shown = page.text.partition('id="fields"')[2].partition("</section>")[0]
    assert 'id="drawn-token"' in shown
    assert "SCIM connector base URL" in shown, "the provider that was chosen stays chosen"
    assert 'data-copy="drawn-token" autofocus' in shown


async def test_a_form_that_is_sent_again_draws_no_second_token(visitor: Visitor) -> None:
    form = form_in((await visitor.get(CONNECT)).text, TOKENS)
    assert (await visitor.http.post(TOKENS, data=form)).status_code == 200
    again = await visitor.http.post(TOKENS, data=form)
    assert (again.status_code, "have changed meanwhile" in text_of(again)) == (409, True)


async def test_a_rotation_keeps_the_last_token_until_it_is_revoked(
    visitor: Visitor, scim: Scim
) -> None:
    first = token_in(await visitor.send(CONNECT, TOKENS))
    second = token_in(await visitor.send(CONNECT, TOKENS))

    async def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return (await scim.http.get(f"{scim.tenant_url}/Users", headers=headers)).status_code

    assert [await status(each) for each in (first, second)] == [200, 200]
    revoked = await visitor.send(CONNECT, "/portal/tokens/revoke")
    assert revoked.headers["location"] == "/portal/connect?done=revoked#tokens"
    assert [await status(each) for each in (first, second)] == [401, 200]


async def test_the_newest_token_is_not_revoked(visitor: Visitor) -> None:
    await visitor.send(CONNECT, TOKENS)
    page = (await visitor.get(CONNECT)).text
    newest = form_in(page, TOKENS)["newest"]
    csrf = form_in(page, "/portal/sign-out")["csrf"]
    refused = await visitor.http.post(
        "/portal/tokens/revoke", data={"csrf": csrf, "version": newest}
    )
    assert refused.status_code == 409
    absent = await visitor.http.post("/portal/tokens/revoke", data={"csrf": csrf, "version": "x"})
    assert absent.status_code == 404


async def test_whoever_may_not_rotate_sees_no_form_and_draws_nothing(visitor: Visitor) -> None:
    await visitor.enter(["connect"])
    page = (await visitor.get(CONNECT)).text
    assert f'action="{TOKENS}"' not in page
    csrf = form_in(page, "/portal/sign-out")
    assert (await visitor.http.post(TOKENS, data=csrf)).status_code == 403


async def test_what_is_done_to_tokens_is_in_the_activity(visitor: Visitor) -> None:
    await visitor.send(CONNECT, TOKENS)
    text = await visitor.page("/portal/activity")
    assert "Drew a secret token" in text
    assert "Opened a setup link" in text


async def test_the_test_passes_with_the_token(visitor: Visitor, scim: Scim) -> None:
    passed = text_of(await visitor.send(CONNECT, TEST, token=scim.token))
    assert "Your identity provider will connect." in passed
    assert "The token opens this Tenant URL." in passed
    assert "The Tenant URL is an address of this machine." in passed


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "There is no token."),
        ("Bearer abcdefghijklmnopqrst", "begins with the word Bearer"),
        (f"scimkey_crm_{'x' * 43}", "This is an API key"),
        ("two words are no token", "No token has this form."),
        ("short", "No token has this form."),
        ("a-token-that-opens-nothing-at-all", "does not open this Tenant URL (401)"),
    ],
)
async def test_a_failure_is_explained_with_its_remedy(
    visitor: Visitor, token: str, said: str
) -> None:
    failed = text_of(await visitor.send(CONNECT, TEST, token=token))
    assert "Your identity provider would be refused." in failed
    assert said in failed
    assert "What to do:" in failed


async def test_a_blank_around_the_token_is_pointed_out(visitor: Visitor, scim: Scim) -> None:
    text = text_of(await visitor.send(CONNECT, TEST, token=f" {scim.token}\n"))
    assert "will connect" in text
    assert "There was a blank before or behind the token." in text


async def test_the_token_that_was_tested_is_not_shown(visitor: Visitor, scim: Scim) -> None:
    assert scim.token not in (await visitor.send(CONNECT, TEST, token=scim.token)).text


async def test_a_form_that_is_too_large_or_none_is_refused(visitor: Visitor) -> None:
    large = await visitor.http.post("/portal/connect/test", data={"token": "x" * 20_000})
    assert large.status_code == 400
    json = await visitor.http.post("/portal/connect/test", json={"token": "x"})
    assert json.status_code == 400
