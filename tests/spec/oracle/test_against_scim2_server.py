"""The service against scim2-server: what is generated goes to both, and must come out alike.

Deliberate differences are listed in `differences.py`. `SCIM_ORACLE_EXAMPLES=2000` tries more than
the examples of every run, other ones each time.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.spec.oracle.differences import DIFFERENCES, Difference, differing, explained
from tests.spec.oracle.generated import (
    bulks,
    filters,
    patches,
    projections,
    sorted_pages,
    staffs,
    users,
)
from tests.spec.oracle.tally import TALLY
from tests.spec.oracle.twins import Answer, Exchange, Twins
from tools.provision import wire
from tools.provision.wire import Dialect

if TYPE_CHECKING:
    from tests.spec.oracle.differences import Step
    from tests.spec.oracle.generated import Json
    from tests.support.fixtures.scim_client import Scim
    from tests.support.fixtures.service import RunningService

EXAMPLES = int(os.environ.get("SCIM_ORACLE_EXAMPLES", "0"))

compared = settings(
    max_examples=EXAMPLES or 40,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    # A failure shows both answers; to look for a smaller one takes minutes of requests.
    phases=[Phase.generate],
    # An example that failed may have left something behind.
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def twins(running_service: RunningService) -> Twins:
    """A tenant, and the other server, in which each example leaves nothing behind."""
    return Twins(next(running_service.tenants))


def hold(exchange: Exchange) -> bool:
    """Hold both answers against each other; tell whether both sides still hold the same."""
    entries = explained(exchange)
    TALLY.note([entry.title for entry in entries])
    accounted = set().union(*(entry.explains(exchange) for entry in entries))
    assert differing(exchange) <= accounted, str(exchange)
    return not any(entry.is_lasting for entry in entries)


@pytest.mark.exhaustive
@compared
@given(created=users, shown=projections, requests=patches, replaced=users)
async def test_a_user_comes_out_alike(
    twins: Twins,
    created: Json,
    shown: str,
    requests: list[list[Json]],
    replaced: Json,
) -> None:
    exchange = await twins.send("POST", "/Users", {"userName": "ana", **created})
    assert hold(exchange)
    path = twins.latest
    hold(await twins.send("GET", f"{path}?{shown}"))
    are_alike = True
    for operations in requests:
        are_alike = are_alike and hold(await twins.patch(path, operations))
    if are_alike:
        hold(await twins.send("PUT", path, {"userName": "Bo", **replaced}))
    hold(await twins.send("DELETE", path))
    hold(await twins.send("GET", path))


@pytest.mark.exhaustive
@compared
@given(
    people=st.lists(users, min_size=3, max_size=5),
    conditions=st.lists(filters, min_size=6, max_size=8),
)
async def test_a_filter_finds_the_same(
    twins: Twins, people: list[Json], conditions: list[str]
) -> None:
    names = ("ana", "Ana R", "zoë", "bo@y.example.com", "R&D")
    paths = []
    for name, person in zip(names, people, strict=False):
        hold(await twins.send("POST", "/Users", {"userName": name, **person}))
        paths.append(twins.latest)
    for condition in conditions:
        hold(await twins.find("/Users", condition))
    for path in paths:
        await twins.send("DELETE", path)


@pytest.mark.exhaustive
@compared
@given(
    staff=staffs,
    queries=st.lists(st.tuples(sorted_pages, st.booleans()), min_size=6, max_size=8),
)
async def test_a_sorted_page_is_the_same(
    twins: Twins, staff: list[Json], queries: list[tuple[Json, bool]]
) -> None:
    paths = []
    for person in staff:
        hold(await twins.send("POST", "/Users", person))
        paths.append(twins.latest)
    for asked, by_post in queries:
        hold(await twins.page("/Users", asked, by_post=by_post))
    for path in paths:
        await twins.send("DELETE", path)


@pytest.mark.exhaustive
@compared
@given(job=bulks)
async def test_a_bulk_request_does_the_same(twins: Twins, job: Json) -> None:
    begun = len(twins.created)
    hold(await twins.send("POST", "/Bulk", job))
    created = twins.created[begun:]
    for path in created:
        hold(await twins.send("GET", path))
    for path in created:
        await twins.send("DELETE", path)


@pytest.fixture(scope="module")
async def team(running_service: RunningService) -> Twins:
    """Four users, `<0>` to `<3>`, and no group."""
    twins = Twins(next(running_service.tenants))
    for number in range(4):
        hold(await twins.send("POST", "/Users", {"userName": f"u{number}", "active": True}))
    return twins


members = st.lists(st.integers(0, 3).map("<{}>".format), min_size=1, max_size=3, unique=True)
changes = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "replace", "rename"]), members), max_size=5
)


@pytest.mark.exhaustive
@compared
@given(dialect=st.sampled_from(Dialect), initial=members, changed=changes)
async def test_a_group_comes_out_alike(
    team: Twins, dialect: Dialect, initial: list[str], changed: list[tuple[str, list[str]]]
) -> None:
    body = {
        "schemas": list(wire.GROUP_SCHEMAS),
        "displayName": "Sales",
        "members": [{"value": member} for member in initial],
    }
    hold(await team.send("POST", "/Groups", body))
    path = team.latest
    for change, named in changed:
        hold(await team.patch(path, group_operations(dialect, change, named)))
    hold(await team.send("DELETE", path))
    hold(await team.send("GET", path))


def group_operations(dialect: Dialect, change: str, named: list[str]) -> list[Json]:
    """Operations on a group, as Entra writes them."""
    match change:
        case "add":
            return wire.add_members(dialect, named)
        case "remove":
            return wire.remove_members(dialect, named)
        case "rename":
            return wire.update(dialect, [wire.Change("displayName", f"Sales of {len(named)}")])
        case _:
            listed = [{"value": member} for member in named]
            return [{"op": "replace", "path": "members", "value": listed}]


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.title)
async def test_a_listed_difference_is_there(scim: Scim, difference: Difference) -> None:
    exchange = await carried_out(Twins(scim), difference.example)
    different = differing(exchange)
    assert different, f"both do the same now, so the entry must go: {exchange}"
    assert different & difference.explains(exchange), str(exchange)
    hold(exchange)


def test_a_difference_that_is_not_listed_fails() -> None:
    ours = Answer(200, None, {"schemas": [], "userName": "ana", "title": "T"})
    theirs = Answer(200, None, {"schemas": [], "userName": "ana", "title": "U"})
    assert hold(Exchange("GET", "/Users/<0>", None, ours, ours))
    with pytest.raises(AssertionError, match="title"):
        hold(Exchange("GET", "/Users/<0>", None, ours, theirs))
    with pytest.raises(AssertionError, match="404"):
        hold(Exchange("GET", "/Users/<0>", None, ours, Answer(404, None, None)))


async def carried_out(twins: Twins, steps: tuple[Step, ...]) -> Exchange:
    """Send the requests of an example, and return the last exchange."""
    for method, path, body in steps:
        match method:
            case "PATCH":
                exchange = await twins.patch(path, body)
            case "FIND":
                exchange = await twins.find(path, body)
            case _:
                exchange = await twins.send(method, path, body)
    return exchange
