"""The role map as staff edit it: an entry at a time, under the version that the page has shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fixtures.api_client import KEYS
from tests.support.fixtures.portal_visitor import form_in, text_of
from tests.support.production import TOKEN, Deployed, bearer

if TYPE_CHECKING:
    import httpx

    from tests.support.fixtures.staff import Staff

ROLES = "/portal/tenants/default/roles"
SAVE = f"{ROLES}?page=1"
MANAGER = bearer(KEYS["events"])
GROUP = {"by": "name", "group": "Admins", "role": "admin"}


@pytest.fixture(autouse=True)
async def no_role_map(staffed_app: Deployed) -> None:
    """Each test begins with a tenant without roles."""
    await api(staffed_app, {"roleMap": None})


async def api(app: Deployed, patch: dict[str, Any]) -> dict[str, Any]:
    headers = {**MANAGER, "Content-Type": "application/merge-patch+json"}
    done = await app.client.patch(
        "/api/v1/tenants/default", headers=headers, content=json.dumps(patch)
    )
    assert done.status_code == 200, done.text
    document: dict[str, Any] = done.json()
    return document


async def role_map(app: Deployed) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await api(app, {}))["roleMap"]
    return entries


async def change(staff: Staff, action: str, **fields: str) -> httpx.Response:
    """Send a change with the version that the page shows."""
    form = form_in((await staff.get(ROLES)).text, SAVE)
    return await staff.post(SAVE, {**form, "action": action, **fields})


async def test_entries_are_added_changed_and_removed(staffed_app: Deployed, staff: Staff) -> None:
    assert "There is no role map" in await staff.page(ROLES)
    added = await change(staff, "add", **GROUP)
    assert added.headers["location"] == f"{ROLES}?done=add&page=1"
    await change(staff, "add", by="external", group="g-7", role="viewer", priority="5")
    first = {"group": {"displayName": "Admins"}, "role": "admin", "priority": 10}
    second = {"group": {"externalId": "g-7"}, "role": "viewer", "priority": 5}
    assert await role_map(staffed_app) == [first, second]
    await change(staff, "change", entry="0", by="name", group="Owners", role="admin", priority="10")
    assert await role_map(staffed_app) == [{**first, "group": {"displayName": "Owners"}}, second]
    await change(staff, "remove", entry="0")
    assert await role_map(staffed_app) == [second]
    await change(staff, "remove", entry="0")
    assert await role_map(staffed_app) == []


async def test_a_priority_is_that_of_the_role(staffed_app: Deployed, staff: Staff) -> None:
    await change(staff, "add", **GROUP)
    await change(staff, "add", **{**GROUP, "group": "Owners"})
    await change(staff, "add", by="name", group="All", role="viewer")
    assert [each["priority"] for each in await role_map(staffed_app)] == [10, 10, 20]
    await change(staff, "rank", role="admin", priority="30")
    assert [each["priority"] for each in await role_map(staffed_app)] == [30, 30, 20]
    page = await staff.page(ROLES)
    assert page.index("viewer") < page.index("admin"), "sorted as roles are"


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        ({"action": "add", **GROUP, "group": " "}, 400, "name a group and a role"),
        ({"action": "add", **GROUP, "role": ""}, 400, "name a group and a role"),
        ({"action": "add", **GROUP, "by": "id"}, 400, "name a group and a role"),
        ({"action": "add", **GROUP, "role": "x" * 65}, 400, "up to 64 characters"),
        ({"action": "add", **GROUP, "group": "a\x00b"}, 400, "all of them visible"),
        ({"action": "add", **GROUP, "priority": "-1"}, 400, "a whole number"),
        ({"action": "add", **GROUP, "priority": "1e3"}, 400, "a whole number"),
        ({"action": "add", **GROUP, "priority": "1000001"}, 400, "a whole number"),
        (
            {"action": "add", **GROUP, "priority": "\N{ARABIC-INDIC DIGIT ONE}"},
            400,
            "a whole number",
        ),
        ({"action": "add", **GROUP, "group": "ADMINS"}, 400, "gives this role already"),
        ({"action": "remove", "entry": "7"}, 409, "changed the roles meanwhile"),
        ({"action": "remove", "entry": "-1"}, 409, "changed the roles meanwhile"),
        ({"action": "rank", "role": "nobody", "priority": "1"}, 409, "changed the roles meanwhile"),
        ({"action": "rank", "role": "admin", "priority": ""}, 400, "a whole number"),
        ({"action": "burn"}, 400, "no form of the portal"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(
    staffed_app: Deployed, staff: Staff, sent: dict[str, str], status: int, says: str
) -> None:
    await change(staff, "add", **GROUP)
    before = await role_map(staffed_app)
    refused = await change(staff, **sent)
    assert (refused.status_code, says in text_of(refused)) == (status, True), text_of(refused)
    assert await role_map(staffed_app) == before


async def test_what_was_typed_is_there_after_a_refusal(staff: Staff) -> None:
    refused = await change(staff, "add", by="external", group="g-9", role="x" * 65)
    assert 'value="g-9"' in refused.text


async def test_of_two_changes_of_one_page_the_second_is_told_that_it_lost(
    staffed_app: Deployed, staff: Staff
) -> None:
    form = form_in((await staff.get(ROLES)).text, SAVE)
    await staff.post(SAVE, {**form, "action": "add", **GROUP})
    lost = await staff.post(SAVE, {**form, "action": "add", **GROUP, "group": "Owners"})
    assert (lost.status_code, "nothing was saved" in text_of(lost)) == (409, True)
    assert "Admins" in text_of(lost), "the map as it is now"
    assert len(await role_map(staffed_app)) == 1


async def test_entries_that_name_no_group_or_several_are_marked(
    staffed_app: Deployed, staff: Staff
) -> None:
    url = "/scim/v2/Groups"
    for name in ("Twin one", "Twin two"):
        body = {"displayName": name, "externalId": "twin"}
        await staffed_app.client.post(url, headers=bearer(TOKEN), json=body)
    await change(staff, "add", by="external", group="twin", role="admin")
    await change(staff, "add", by="name", group="Nobody yet", role="admin")
    page = await staff.page(ROLES)
    assert "2 groups have this externalId" in page
    assert "No group has this name now" in page
    assert 'value="Twin one"' in (await staff.get(ROLES)).text, "a suggestion"


async def test_a_preview_tells_who_gets_what_and_by_which_group(
    staffed_app: Deployed, staff: Staff
) -> None:
    created = await staffed_app.client.post(
        "/scim/v2/Users", headers=bearer(TOKEN), json={"userName": "ana@roles.test"}
    )
    members = [{"value": created.json()["id"]}]
    body = {"displayName": "Preview <i>", "members": members}
    await staffed_app.client.post("/scim/v2/Groups", headers=bearer(TOKEN), json=body)
    await change(staff, "add", by="name", group="preview <I>", role="auditor")
    page = await staff.get(f"{ROLES}?who=ANA@roles.test")
    assert "Preview &lt;i&gt;" in page.text
    preview = text_of(page).partition("Who gets what")[2]
    assert "auditor" in preview
    assert "Nobody" in await staff.page(f"{ROLES}?who=nobody@roles.test")


async def test_a_map_of_a_thousand_entries_is_shown_page_by_page(
    staffed_app: Deployed, staff: Staff
) -> None:
    entries = [
        {"group": {"externalId": f"g-{number:04}"}, "role": "admin", "priority": 1}
        for number in range(1_000)
    ]
    await api(staffed_app, {"roleMap": entries})
    page = await staff.get(f"{ROLES}?page=20")
    assert "g-0999" in page.text
    assert "g-0001" not in page.text
    assert len(page.content) < 300_000
    full = await change(staff, "add", **GROUP)
    assert (full.status_code, "at most 1,000" in text_of(full)) == (400, True)
