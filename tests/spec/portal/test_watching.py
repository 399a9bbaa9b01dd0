"""Watch, activity and look-up: what was done is shown in words, whatever names are made of."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.support.fixtures.api_client import KEYS
from tests.support.fixtures.portal_visitor import Visitor, text_of
from tests.support.fixtures.scim_client import ENTERPRISE

if TYPE_CHECKING:
    from tests.support.fixtures.scim_client import Scim
    from tests.support.fixtures.service import RunningService

SCRIPT = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
async def entered(visitor: Visitor) -> None:
    await visitor.enter()


async def test_nothing_yet_says_what_to_do(visitor: Visitor) -> None:
    text = await visitor.page("/portal/watch")
    assert "Users 0 Groups 0 Last change none yet" in text
    assert "Nothing has been changed yet. What to do:" in text


async def test_changes_are_told_in_words(visitor: Visitor, scim: Scim) -> None:
    ana = await scim.create_user(displayName="Ana Ruiz")
    await scim.patched_user(
        ana,
        {"op": "replace", "path": "title", "value": "Head"},
        {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Sales"},
    )
    await scim.patched_user(ana, {"op": "replace", "path": "active", "value": False})
    sales = await scim.create_group("Sales", ana["id"])
    await scim.delete(f"/Groups/{sales['id']}")
    text = await visitor.page("/portal/activity")
    for said in (
        "Created the user Ana Ruiz",
        "Changed title and department of Ana Ruiz",
        "Disabled Ana Ruiz",
        "Created the group who was deleted since",
        "Joined: Ana Ruiz",
        "Deleted a group",
    ):
        assert said in text, text


async def test_settings_of_the_tenant_are_told_and_are_no_provisioning(
    visitor: Visitor, running_service: RunningService, scim: Scim
) -> None:
    product = replace(running_service.api_of(scim), key=KEYS["events"])
    await product.patched({"requestsPerSecond": 50, "unknownMembers": "reject"})
    said = "Changed settings of the tenant: requests per second and members who are not known"
    for page in ("/portal/activity", "/portal/activity?kind=settings"):
        assert said in await visitor.page(page)
    assert said not in await visitor.page("/portal/activity?kind=portal")
    assert said not in await visitor.page("/portal/watch")


async def test_the_numbers_and_the_chart_count_what_is_there(visitor: Visitor, scim: Scim) -> None:
    for number in range(3):
        user = await scim.create_user(userName=f"person{number}")
    await scim.create_group("Sales", user["id"])
    text = await visitor.page("/portal/watch")
    assert "Users 3 active: 3, disabled: 0 Groups 1" in text
    assert "4 changes in the last 24 hours, 4 in the busiest hour." in text


async def test_disabled_users_are_counted_apart(visitor: Visitor, scim: Scim) -> None:
    user = await scim.create_user()
    await scim.create_user(userName="bo", active=False)
    assert "Users 2 active: 1, disabled: 1 Groups 0" in await visitor.page("/portal/watch")
    await scim.patched_user(user, {"op": "replace", "path": "active", "value": False})
    assert "Users 2 active: 0, disabled: 2 Groups 0" in await visitor.page("/portal/watch")


async def test_the_live_part_is_the_part_of_the_page(visitor: Visitor, scim: Scim) -> None:
    await scim.create_user(displayName="Ana Ruiz")
    live = await visitor.get("/portal/watch/live")
    assert "<html" not in live.text
    assert "Ana Ruiz" in live.text


async def test_markup_in_every_attribute_is_text(visitor: Visitor, scim: Scim) -> None:
    user = await scim.create_user(
        userName=f"{SCRIPT}@example.com",
        displayName=SCRIPT,
        externalId=SCRIPT,
        title=SCRIPT,
        name={"givenName": SCRIPT, "familyName": SCRIPT, "formatted": SCRIPT},
        emails=[{"value": f"{SCRIPT}@example.com", "type": SCRIPT}],
        addresses=[{"formatted": SCRIPT, "streetAddress": SCRIPT}],
        roles=[{"value": SCRIPT, "display": SCRIPT}],
        **{ENTERPRISE: {"department": SCRIPT}},
    )
    group = await scim.create_group(SCRIPT, user["id"])
    await scim.delete(f"/Groups/{group['id']}")
    await scim.create_group(SCRIPT, user["id"])
    for path in (
        "/portal/watch",
        "/portal/activity",
        f"/portal/activity?who={quote(SCRIPT)}",
        f"/portal/look-up?q={quote(SCRIPT)}",
        f"/portal/look-up/user/{user['id']}",
    ):
        page = await visitor.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
        assert SCRIPT in text_of_escaped(page.text), path


def text_of_escaped(html: str) -> str:
    return unescape(html)


async def test_long_and_right_to_left_names_are_shown_whole(visitor: Visitor, scim: Scim) -> None:
    long, hebrew = "W" * 200, "\N{HEBREW LETTER SHIN}\N{HEBREW LETTER LAMED} ABC"
    for name in (long, hebrew):
        await scim.create_user(userName=name, displayName=name)
        text = await visitor.get("/portal/activity")
        assert f"<bdi>{name}</bdi>" in text.text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("kind=created", 2),
        ("kind=disabled", 1),
        ("kind=deleted", 0),
        ("who=ana@example.com", 2),
        ("who=Ana%40Example.com&kind=created", 1),
        ("since=2020-01-01&until=2099-12-31&kind=created", 2),
        ("since=2099-01-01", 0),
        ("until=2020-01-01", 0),
    ],
)
async def test_filters_leave_what_fits(visitor: Visitor, scim: Scim, query: str, told: int) -> None:
    ana = await scim.create_user(userName="ana@example.com")
    await scim.create_user(userName="bo@example.com")
    await scim.patched_user(ana, {"op": "replace", "path": "active", "value": False})
    page = await visitor.get(f"/portal/activity?{query}")
    assert page.text.count('<li class="entry">') == told
    if not told:
        assert "Nothing fits these filters." in text_of(page)


async def test_somebody_who_is_not_known_is_said_to_be_so(visitor: Visitor) -> None:
    text = await visitor.page("/portal/activity?who=nobody@example.com")
    assert "Nobody is known by this name." in text
    assert "What to do:" in text


@pytest.mark.parametrize(
    "query",
    [
        "kind=x",
        "since=yesterday",
        "before=x",
        "until=2026-13-01",
        "since=2026-11-29&until=2026-11-28",
    ],
)
async def test_a_filter_that_is_not_understood_is_refused(visitor: Visitor, query: str) -> None:
    assert (await visitor.get(f"/portal/activity?{query}")).status_code == 400


async def test_pages_show_each_change_once(visitor: Visitor, scim: Scim) -> None:
    for number in range(60):
        await scim.create_user(userName=f"p{number}", displayName=f"Person {number:02}")
    seen: list[str] = []
    path = "/portal/activity?kind=created"
    while path:
        page = await visitor.get(path)
        seen += [part[:9] for part in page.text.split("<bdi>")[1:] if part.startswith("Person")]
        _, _, rest = page.text.partition('rel="next" href="')
        path = rest.partition('"')[0].replace("&amp;", "&")
    assert seen == [f"Person {number:02}" for number in reversed(range(60))]


async def test_the_activity_is_exported_without_formulas(visitor: Visitor, scim: Scim) -> None:
    user = await scim.create_user(externalId="=1+1")
    await scim.delete(f"/Users/{user['id']}")
    file = await visitor.get("/portal/activity/export?format=csv&kind=deleted")
    assert file.headers["content-type"].startswith("text/csv")
    assert file.headers["content-disposition"].startswith("attachment; ")
    (row,) = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")))
    assert (row["id"], row["externalId"], row["kind"]) == (user["id"], "'=1+1", "deleted")
    lines = (await visitor.get("/portal/activity/export?format=ndjson")).text.splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds[:2] == ["deleted", "created"]
    assert (await visitor.get("/portal/activity/export?format=xls")).status_code == 400


@pytest.mark.parametrize("by", ["userName", "emails", "externalId", "id"])
async def test_somebody_is_found_by_any_value(visitor: Visitor, scim: Scim, by: str) -> None:
    user = await scim.create_user(
        userName="ana@example.com",
        displayName="Ana Ruiz",
        externalId="e-7",
        emails=[{"value": "a.ruiz@example.com"}],
    )
    value = {"userName": "ANA@example.com", "emails": "a.RUIZ@example.com", "externalId": "e-7"}
    text = await visitor.page(f"/portal/look-up?q={value.get(by, user['id'])}")
    assert "1 found" in text
    assert "Ana Ruiz" in text


async def test_a_user_is_shown_with_groups_and_history(visitor: Visitor, scim: Scim) -> None:
    ana = await scim.create_user(displayName="Ana Ruiz", title="Head")
    sales = await scim.create_group("Sales", ana["id"])
    await scim.create_user(userName="bo", displayName="Bo")
    text = await visitor.page(f"/portal/look-up/user/{ana['id']}")
    for said in ("Ana Ruiz", "active", "title title Head", "Sales", "Created the user Ana Ruiz"):
        assert said in text
    assert "Bo" not in text
    assert "Ana Ruiz" in await visitor.page(f"/portal/look-up/group/{sales['id']}")


async def test_whoever_is_gone_is_said_to_be(visitor: Visitor, scim: Scim) -> None:
    ana = await scim.create_user()
    await scim.delete(f"/Users/{ana['id']}")
    gone = await visitor.get(f"/portal/look-up/user/{ana['id']}")
    assert (gone.status_code, "nobody with this id" in text_of(gone)) == (404, True)
    text = await visitor.page(f"/portal/look-up?q={ana['id']}")
    assert "Nobody is known by this value." in text
