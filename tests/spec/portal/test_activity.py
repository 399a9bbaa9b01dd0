"""Activity: refusals, slow answers and skipped members beside the changes, each told once."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.fixtures.portal_visitor import Visitor, text_of

if TYPE_CHECKING:
    from tests.support.fixtures.scim_client import Scim
    from tests.support.fixtures.service import RunningService

STRANGER = "f" * 32


@pytest.fixture(autouse=True)
async def entered(visitor: Visitor) -> None:
    await visitor.enter()


async def refuse(scim: Scim, user_name: str) -> str:
    answer = await scim.post(
        "/Users",
        {"userName": user_name, "externalId": f"={user_name}", "active": "perhaps"},
        headers={"client-request-id": f"entra-0001-{user_name}"},
    )
    assert answer.status_code == 400
    return answer.headers["request-id"]


async def until_told(visitor: Visitor, number: int, outcome: str = "refused") -> None:
    """Wait until the log has so many entries, which are written after the answers."""
    path = f"/portal/activity/export?format=ndjson&outcome={outcome}"
    async with asyncio.timeout(20):
        while len((await visitor.http.get(path)).text.splitlines()) < number:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


async def test_a_refusal_is_told_with_its_remedy_and_the_ids_of_both_sides(
    visitor: Visitor, scim: Scim
) -> None:
    request_id = await refuse(scim, "ana")
    await until_told(visitor, 1)
    text = await visitor.page("/portal/activity")
    assert "refused Refused to create the user ana Answered: 400 invalidValue active" in text
    assert "What to do: Correct the value of this attribute at your identity provider" in text
    assert f"request {request_id}" in text
    assert "at your provider entra-0001-ana" in text


async def test_skipped_members_are_told_with_what_to_do(visitor: Visitor, scim: Scim) -> None:
    await scim.create_group("Sales", STRANGER)
    await until_told(visitor, 1, "skipped")
    text = await visitor.page("/portal/activity?outcome=skipped")
    assert f"Skipped 1 member of the group Sales Not known here: {STRANGER}" in text
    assert "What to do: Let your identity provider send these people first" in text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("outcome=success", 1),
        ("outcome=refused", 2),
        ("outcome=skipped", 0),
        ("outcome=refused&kind=created", 2),
        ("outcome=refused&kind=deleted", 0),
        ("kind=created", 3),
        ("who=ana", 1),
        ("who=BO", 2),
        ("who==bo", 1),
        ("since=2099-01-01", 0),
        ("until=2020-01-01", 0),
        ("since=2020-01-01&until=2099-12-31&kind=created", 3),
    ],
)
async def test_filters_leave_what_fits_of_both_sources(
    visitor: Visitor, scim: Scim, query: str, told: int
) -> None:
    await refuse(scim, "ana")
    await refuse(scim, "bo")
    await scim.create_user(userName="bo")
    await until_told(visitor, 2)
    if told > 1 and "outcome" not in query and "kind" not in query:
        query += "&kind=created"
    page = await visitor.get(f"/portal/activity?{query.replace('==', '=%3D')}")
    of_people = page.text.count('<li class="entry">') - text_of(page).count("setup link")
    assert of_people == told, text_of(page)


async def test_who_was_refused_and_never_came_is_found(visitor: Visitor, scim: Scim) -> None:
    await refuse(scim, "ana")
    await until_told(visitor, 1)
    text = await visitor.page("/portal/activity?who=ANA")
    assert "Refused to create the user ana" in text
    assert "Nobody is known" not in text


async def test_who_was_deleted_is_found_by_id(visitor: Visitor, scim: Scim) -> None:
    ana = await scim.create_user()
    await scim.delete(f"/Users/{ana['id']}")
    assert "Deleted a user" in await visitor.page(f"/portal/activity?who={ana['id']}")


async def test_nobody_at_all_leads_to_why(visitor: Visitor) -> None:
    page = await visitor.get("/portal/activity?who=nobody@contoso.test")
    assert 'href="/portal/why?q=nobody%40contoso.test"' in page.text


async def test_pages_of_both_sources_tell_each_once_in_few_calls(
    visitor: Visitor, running_service: RunningService, scim: Scim
) -> None:
    for number in range(30):
        await scim.create_user(userName=f"p{number:02}", displayName=f"Person {number:02}")
        await refuse(scim, f"q{number:02}")
    await until_told(visitor, 30)
    seen: list[str] = []
    path = "/portal/activity?kind=created"
    while path:
        page = await visitor.get(path)
        seen += re.findall(r"<bdi>(Person \d\d|q\d\d)</bdi>", page.text)
        # The session, the log, some spans of changes, and a name for each change of the page.
        assert (await running_service.log_line(page))["calls"] <= 1 + 2 + 8 + 25
        found = re.search(r'rel="next" href="([^"]*)"', page.text)
        path = found[1].replace("&amp;", "&") if found else ""
    expected = [name for n in reversed(range(30)) for name in (f"q{n:02}", f"Person {n:02}")]
    assert seen == expected


async def test_a_file_has_outcomes_of_both_sources_and_no_formulas(
    visitor: Visitor, scim: Scim
) -> None:
    request_id = await refuse(scim, "ana")
    await scim.create_user(userName="bo")
    await until_told(visitor, 1)
    file = await visitor.get("/portal/activity/export?format=csv")
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    refused = next(row for row in rows if row["outcome"] == "refused")
    assert (refused["request"], refused["clientRequest"]) == (request_id, "entra-0001-ana")
    assert (refused["status"], refused["scimType"], refused["path"]) == (
        "400",
        "invalidValue",
        "active",
    )
    assert refused["externalId"] == "'=ana"
    assert {row["outcome"] for row in rows} == {"refused", "success"}
    lines = (await visitor.get("/portal/activity/export?format=ndjson&outcome=refused")).text
    (line,) = map(json.loads, lines.splitlines())
    assert "detail" not in line, "an answer may quote a value"


@pytest.mark.parametrize("query", ["outcome=x", "before=", "before=end", "before=x.y"])
async def test_what_no_page_gives_out_is_refused(visitor: Visitor, query: str) -> None:
    assert (await visitor.get(f"/portal/activity?{query}")).status_code == 400


async def test_watch_draws_refusals_and_tells_the_last_contact(
    visitor: Visitor, scim: Scim
) -> None:
    await refuse(scim, "ana")
    await scim.create_user(userName="bo")
    await until_told(visitor, 1)
    page = await visitor.get("/portal/watch")
    text = text_of(page)
    assert "just now, with development" in text
    assert "Your identity provider comes." in text
    assert "1 change in the last 24 hours. 1 request was refused." in text
    assert 'class="refused" fill="url(#hatch)"' in page.text


async def test_what_is_done_at_the_portal_is_not_counted_as_provisioning(
    visitor: Visitor,
) -> None:
    await visitor.send("/portal/connect", "/portal/tokens")
    text = await visitor.page("/portal/watch")
    assert "Changes in 24 hours 0" in text
    assert "Nothing was changed or refused in the last 24 hours." in text
    assert "No request of your identity provider with a valid token is known." in text
