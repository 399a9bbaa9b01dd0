"""Look up: a group as it was, and what changed between two times, as pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.fixtures.portal_visitor import Visitor
    from tests.support.fixtures.scim_client import Scim

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
async def entered(visitor: Visitor) -> None:
    await visitor.enter()


def now(**later: float) -> str:
    moment = datetime.now(UTC) + timedelta(**later)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def test_the_page_of_a_group_leads_to_the_form(visitor: Visitor, scim: Scim) -> None:
    sales = await scim.create_group("Sales")
    path = f"/portal/look-up/group/{sales['id']}"
    assert f'href="{path}/then"' in (await visitor.get(path)).text
    form = await visitor.get(f"{path}/then")
    assert 'type="datetime-local"' in form.text
    assert "Times are in the zone UTC" in await visitor.page(f"{path}/then")


async def test_members_are_shown_as_they_were(visitor: Visitor, scim: Scim) -> None:
    ana, bo = [await scim.create_user(n, displayName=n) for n in (f"Ana {SCRIPT}", "Bo")]
    sales = await scim.create_group("Sales", ana["id"], bo["id"])
    then = now()
    await scim.delete(f"/Users/{bo['id']}")
    path = f"/portal/look-up/group/{sales['id']}/then?at={then}"
    page = await visitor.get(path)
    assert "<script>alert" not in page.text
    text = await visitor.page(path)
    assert f"Ana {SCRIPT}" in text
    assert f"{bo['id']} deleted since" in text
    compared = await visitor.page(f"{path}&until={now()}")
    assert "Joined: 0. Left: 1." in compared
    assert "Sales as it was" in compared


async def test_a_deleted_group_is_told_of(visitor: Visitor, scim: Scim) -> None:
    sales = await scim.create_group("Sales")
    then = now()
    await scim.delete(f"/Groups/{sales['id']}")
    text = await visitor.page(f"/portal/look-up/group/{sales['id']}/then?at={then}")
    assert "The group had no members." in text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("at={late}", "These times cannot be told"),
        ("at={now}&until={early}", "These times cannot be told"),
        ("at={old}", "The history does not reach so far back. It can be told from"),
    ],
)
async def test_what_cannot_be_told_says_so_and_what_to_do(
    visitor: Visitor, scim: Scim, query: str, said: str
) -> None:
    sales = await scim.create_group("Sales")
    times = {
        "late": now(days=1), "now": now(), "early": now(minutes=-1), "old": now(days=-4_000)
    }  # fmt: skip
    path = f"/portal/look-up/group/{sales['id']}/then?{query.format(**times)}"
    text = await visitor.page(path)
    assert said in text
    assert "What to do:" in text


@pytest.mark.parametrize("query", ["at=yesterday", "at=2027-01-01T10:00&after=x", "at=9"])
async def test_what_is_not_understood_is_refused(visitor: Visitor, scim: Scim, query: str) -> None:
    sales = await scim.create_group("Sales")
    page = await visitor.get(f"/portal/look-up/group/{sales['id']}/then?{query}")
    assert page.status_code == 400


async def test_a_user_or_a_group_that_never_was_has_no_such_page(
    visitor: Visitor, scim: Scim
) -> None:
    ana = await scim.create_user()
    for path in (f"user/{ana['id']}", "group/x", f"group/{'0' * 32}"):
        page = await visitor.get(f"/portal/look-up/{path}/then?at={now()}")
        assert page.status_code == 404


async def test_many_members_come_in_pages(visitor: Visitor, scim: Scim) -> None:
    users = [await scim.create_user(f"user{n}", displayName=f"P{n:02}") for n in range(55)]
    sales = await scim.create_group("Sales", *(each["id"] for each in users))
    path, seen = f"/portal/look-up/group/{sales['id']}/then?at={now()}", []
    while path:
        page = await visitor.get(path)
        seen += [part[:3] for part in page.text.split("<bdi>")[1:] if part.startswith("P")]
        _, _, rest = page.text.partition('rel="next" href="')
        path = rest.partition('"')[0].replace("&amp;", "&")
    assert sorted(seen) == [f"P{n:02}" for n in range(55)]
