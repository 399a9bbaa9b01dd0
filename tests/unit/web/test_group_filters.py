"""Filters on the members of groups: what they find, and what they read for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from scim_groups.source import GroupSource
from shared.scim.catalogue import Catalogue
from shared.scim.queries import from_parameters
from shared.web.listing import list_resources
from shared.web.matching import Bounds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.store.groups import Groups
    from shared.store.resources import Group
    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from shared.web.requests import ScimRequest
    from tests.conftest import NewContext

    Find = Callable[[str, RequestContext], Awaitable[set[str]]]


@pytest.fixture
async def ids(store: Store, context: RequestContext) -> dict[str, str]:
    """Two users and three groups: `both` has both, `one` has ana, `none` has nobody."""
    ana, bo = [
        (await store.users.create(context, {"userName": name, "active": True})).id
        for name in ("ana", "bo")
    ]
    found = {"ana": ana, "bo": bo}
    for name, members in {"both": [ana, bo], "one": [ana], "none": []}.items():
        found[name] = (await store.groups.create(context, {"displayName": name}, members)).id
    return found


async def find_all(source: GroupSource) -> dict[str, Any]:
    """Return the body of the response to the request of a source."""
    query = from_parameters(source.request.query)
    response = await list_resources(source.request, query, [source], Bounds(1_000, 60))
    assert response.body is not None
    return response.body


@pytest.fixture
def find(store: Store, ids: dict[str, str], request_of: Callable[..., ScimRequest]) -> Find:
    """Return the names of the groups that a filter finds; `{ana}` stands for her id."""

    async def names(text: str, context: RequestContext) -> set[str]:
        request = request_of({"filter": text.format(**ids)}, context=context)
        source = GroupSource(request, store, Catalogue())
        answer = await find_all(source)
        return {group["displayName"] for group in answer.get("Resources", [])}

    return names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('members eq "{ana}"', {"both", "one"}),
        ('members.value eq "{bo}"', {"both"}),
        ('members[value eq "{ana}"]', {"both", "one"}),
        ('members[value eq "{ana}" and type eq "User"]', {"both", "one"}),
        ('members[value eq "{ana}" and type eq "Group"]', set()),
        ('members eq "{ana}" and members eq "{bo}"', {"both"}),
        ('members eq "{bo}" or displayName eq "none"', {"both", "none"}),
        ('members ne "{ana}"', {"both", "none"}),
        ('not (members eq "{ana}")', {"none"}),
        ('members.type eq "User"', {"both", "one"}),
        ('members.$ref ew "{bo}"', {"both"}),
        ('members.display eq "ana"', set()),
        ("members pr", {"both", "one"}),
        ("not (members pr)", {"none"}),
        ("members eq null", {"none"}),
        ('members eq "{one}"', set()),
        ('members eq "nobody\' or 1 eq 1"', set()),
    ],
)
async def test_groups_are_found_by_their_members(
    find: Find, context: RequestContext, text: str, found: set[str]
) -> None:
    assert await find(text, context) == found


@pytest.mark.parametrize(("user", "found"), [("ana", {"one"}), ("bo", set())])
async def test_entras_membership_check_does_not_read_the_members(
    find: Find, new_context: NewContext, user: str, found: set[str]
) -> None:
    context = new_context()
    text = f'id eq "{{one}}" and members eq "{{{user}}}"'
    # One read of the group, one of the user. The members of what is found are then shown: a read
    # of theirs, and of the deletions row.
    assert await find(text, context) == found
    assert context.meter.calls == 2 + 2 * len(found)


async def test_members_are_read_of_few_groups_at_a_time(
    store: Store, context: RequestContext, request_of: Callable[..., ScimRequest]
) -> None:
    """A group may have 100,000 members, so a filter on them must not hold those of a page."""
    for number in range(20):
        await store.groups.create(context, {"displayName": f"group {number}"})
    crowd = Crowd(store.groups)
    source = GroupSource(
        request_of({"filter": "members pr"}, context=context),
        replace(store, groups=cast("Groups", crowd)),
        Catalogue(),
    )
    assert (await find_all(source))["totalResults"] == 0
    assert crowd.reads == 20
    assert crowd.most_at_once <= 8


class Crowd:
    """Groups that count how many of them have their members read at once."""

    def __init__(self, groups: Groups) -> None:
        self.scan = groups.scan
        self._groups = groups
        self._under_way = self.most_at_once = self.reads = 0

    async def with_members(self, context: RequestContext, groups: list[Group]) -> list[Group]:
        self.reads += len(groups)
        self._under_way += len(groups)
        self.most_at_once = max(self.most_at_once, self._under_way)
        found = await self._groups.with_members(context, groups)
        self._under_way -= len(groups)
        return found
