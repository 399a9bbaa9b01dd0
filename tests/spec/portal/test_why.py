"""Why somebody is not there: one box, one answer in words, and a block for a ticket."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.support.fixtures.portal_visitor import Visitor, text_of

if TYPE_CHECKING:
    from tests.support.fixtures.scim_client import Scim
    from tests.support.fixtures.service import RunningService

ANA = "ana@contoso.test"
SCRIPT = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
async def entered(visitor: Visitor) -> None:
    await visitor.enter()


async def ticket(visitor: Visitor, asked: str) -> str:
    page = await visitor.get(f"/portal/why?q={quote(asked)}")
    found = re.search(r"<textarea[^>]*>(.*?)</textarea>", page.text, re.DOTALL)
    assert found, "no ticket is shown"
    return unescape(found[1]).strip()


async def refuse(scim: Scim, visitor: Visitor, **attributes: object) -> str:
    """Have a create of Ana refused; the id of the request, once the log has it."""
    body = {"userName": ANA, "active": "perhaps", **attributes}
    answer = await scim.post("/Users", body, headers={"client-request-id": "entra-0001"})
    assert answer.status_code == 400
    request_id = answer.headers["request-id"]
    async with asyncio.timeout(20):
        while request_id not in (await visitor.get("/portal/activity")).text:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    return request_id


async def test_nothing_asked_is_a_box_alone(visitor: Visitor) -> None:
    text = await visitor.page("/portal/why")
    assert "Name a user whom you miss." in text
    assert "For a ticket" not in text


async def test_before_the_first_contact_it_says_so_and_what_to_do(visitor: Visitor) -> None:
    text = await visitor.page(f"/portal/why?q={ANA}")
    assert "No request of the identity provider with a valid token was found." in text
    assert "What to do: Test the connection at your identity provider" in text
    assert "tools.admin" not in text


async def test_a_refusal_is_the_reason_with_its_remedy(visitor: Visitor, scim: Scim) -> None:
    request_id = await refuse(scim, visitor)
    text = await visitor.page(f"/portal/why?q={ANA.upper()}")
    assert "The identity provider tried, and was refused." in text
    assert "What to do: Correct at the identity provider what the refusal names" in text
    assert request_id in text
    assert "entra-0001" in text


async def test_the_ticket_has_requests_and_times_and_no_other_name(
    visitor: Visitor, scim: Scim
) -> None:
    request_id = await refuse(scim, visitor, externalId="external-7")
    told = await ticket(visitor, ANA)
    assert told.startswith(f"Why is {ANA} not there (tenant {visitor.tenant}, asked at 20")
    assert f"Requests: {request_id}" in told
    assert "of the client entra-0001" in told
    assert "external-7" not in told
    assert ANA not in await ticket(visitor, "external-7")


async def test_who_is_there_is_looked_at(visitor: Visitor, scim: Scim) -> None:
    ana = await scim.create_user(userName=ANA, displayName="Ana Ruiz")
    page = await visitor.get(f"/portal/why?q={ANA}")
    assert "The user is there and active." in text_of(page)
    assert f'href="/portal/look-up/user/{ana["id"]}"' in page.text


async def test_who_was_deleted_is_said_to_be(visitor: Visitor, scim: Scim) -> None:
    ana = await scim.create_user(userName=ANA)
    await scim.delete(f"/Users/{ana['id']}")
    assert "The user was deleted. What to do:" in await visitor.page(f"/portal/why?q={ANA}")


async def test_requests_with_a_wrong_token_are_told(visitor: Visitor, scim: Scim) -> None:
    headers = {"Authorization": "Bearer wrong-token-of-somebody"}
    assert (await scim.http.get(f"{scim.tenant_url}/Users", headers=headers)).status_code == 401
    assert "their token is wrong" in await visitor.page(f"/portal/why?q={ANA}")
    assert "1 request with a wrong token came" in await visitor.page("/portal/watch")


async def test_it_speaks_french(visitor: Visitor, scim: Scim) -> None:
    await refuse(scim, visitor)
    text = await visitor.page(f"/portal/why?q={ANA}&language=fr")
    assert "Le fournisseur d’identité a essayé et a été refusé." in text
    assert "Que faire : Corrigez" in text
    assert "Pourquoi" in await ticket(visitor, ANA)


async def test_look_up_leads_there_when_nobody_is_found(visitor: Visitor) -> None:
    page = await visitor.get(f"/portal/look-up?q={quote(ANA)}")
    assert f'href="/portal/why?q={quote(ANA)}"' in page.text


@pytest.mark.parametrize("asked", [SCRIPT, "W" * 200, "\N{HEBREW LETTER SHIN}" * 60, "{asked}"])
async def test_whatever_is_asked_is_text(visitor: Visitor, asked: str) -> None:
    page = await visitor.get(f"/portal/why?q={quote(asked)}")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert asked in unescape(page.text)


async def test_who_may_not_watch_may_not_ask(visitor: Visitor) -> None:
    await visitor.enter(["connect"])
    assert (await visitor.get(f"/portal/why?q={ANA}")).status_code == 403


async def test_an_answer_takes_few_calls(
    visitor: Visitor, running_service: RunningService, scim: Scim
) -> None:
    await scim.create_user()
    page = await visitor.get(f"/portal/why?q={ANA}")
    assert (await running_service.log_line(page))["calls"] <= 16
