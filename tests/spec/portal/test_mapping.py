"""Mapping review: names of what is sent, what is passed over, and what never comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.fixtures.portal_visitor import Visitor
    from tests.support.fixtures.scim_client import Scim
    from tests.support.fixtures.service import RunningService

MAPPING = "/portal/connect/mapping"


@pytest.fixture(autouse=True)
async def entered(visitor: Visitor) -> None:
    await visitor.enter()


async def until_recorded(visitor: Visitor) -> None:
    """Wait for what an instance has gathered, which it writes some seconds after the answer."""
    async with asyncio.timeout(20):
        while "No user was sent yet." in await visitor.page(MAPPING):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)


async def test_before_anything_was_sent_it_says_what_to_do(visitor: Visitor) -> None:
    text = await visitor.page(MAPPING)
    assert "No user was sent yet. What to do: Provision one on demand" in text
    assert "No group was sent yet." in text


async def test_it_tells_what_is_ignored_and_what_never_comes_with_the_remedy(
    visitor: Visitor, scim: Scim, running_service: RunningService
) -> None:
    await scim.create_user(userName="ana", displayName="Ana Ruiz", extension7="secret value")
    await until_recorded(visitor)
    page = await visitor.get(f"{MAPPING}?provider=entra")
    assert (await running_service.log_line(page))["calls"] == 2
    text = await visitor.page(f"{MAPPING}?provider=entra")
    assert "Sent, and passed over extension7" in text
    assert "secret value" not in text
    assert "Ana Ruiz" not in text
    assert 'Switch([IsSoftDeleted], , "False", "True", "True", "False") → active' in text
    assert "objectId → externalId" in text
    assert 'mail → emails[type eq "work"].value' in text
    okta = await visitor.page(f"{MAPPING}?provider=okta")
    assert "switch Deactivate Users on" in okta
    assert "user.email → emails" in okta
    assert "jamais envoyé" in await visitor.page(f"{MAPPING}?language=fr")


async def test_connect_leads_there(visitor: Visitor) -> None:
    page = await visitor.get("/portal/connect?provider=okta")
    assert f'href="{MAPPING}?provider=okta"' in page.text
