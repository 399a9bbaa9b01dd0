"""Setup links: opened once, by whoever has the secret, of which the table keeps a digest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from shared.errors import Conflict, NotFound
from shared.events.event import events_of
from shared.store import layout
from shared.store.changes import recorded
from shared.store.setup_links import MOST_LINKS, SESSION_SECONDS, Right
from shared.tables.table import collect

if TYPE_CHECKING:
    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.support.fakes.clock import Time

ALL = list(Right)
DAY = 86_400


async def test_a_link_is_opened_once(store: Store, context: RequestContext) -> None:
    links = store.setup_links
    issued = await links.issue(context, [Right.WATCH], 7)
    first = await links.open_link(context, issued.link.id, issued.secret)
    again = await links.open_link(context, issued.link.id, issued.secret)
    assert first.session is not None
    assert (again.session, again.link and again.link.state(0)) == (None, "opened")
    session = await links.find_session(context, issued.link.id, first.session)
    assert session is not None
    assert session.rights == {Right.WATCH}


async def test_of_openings_at_once_one_begins_a_session(
    store: Store, new_context: NewContext
) -> None:
    issued = await store.setup_links.issue(new_context(), ALL, 7)
    openings = await asyncio.gather(
        *(
            store.setup_links.open_link(new_context(), issued.link.id, issued.secret)
            for _ in range(5)
        )
    )
    assert sum(opening.session is not None for opening in openings) == 1


async def test_whoever_has_not_the_secret_learns_nothing(
    store: Store, context: RequestContext
) -> None:
    issued = await store.setup_links.issue(context, ALL, 7)
    guessed = await store.setup_links.open_link(context, issued.link.id, "A" * 43)
    absent = await store.setup_links.open_link(context, "0" * 32, issued.secret)
    assert guessed == absent
    assert guessed.link is None


async def test_the_secret_of_a_link_is_not_that_of_its_session(
    store: Store, context: RequestContext
) -> None:
    links = store.setup_links
    issued = await links.issue(context, ALL, 7)
    assert await links.find_session(context, issued.link.id, issued.secret) is None
    await links.open_link(context, issued.link.id, issued.secret)
    assert await links.find_session(context, issued.link.id, issued.secret) is None
    assert await links.find_session(context, issued.link.id, "") is None


async def test_the_table_holds_no_secret(store: Store, context: RequestContext) -> None:
    issued = await store.setup_links.issue(context, ALL, 7)
    opening = await store.setup_links.open_link(context, issued.link.id, issued.secret)
    rows = await collect(store.table, context, layout.WHOLE_PARTITION)
    text = repr([(row.key, row.values) for row in rows])
    assert issued.secret not in text
    assert opening.session is not None
    assert opening.session not in text


async def test_a_link_expires(store: Store, context: RequestContext, clock: Time) -> None:
    issued = await store.setup_links.issue(context, ALL, 1)
    clock.advance(DAY)
    opening = await store.setup_links.open_link(context, issued.link.id, issued.secret)
    assert opening.session is None
    assert opening.link is not None
    assert opening.link.state(clock.wall) == "expired"


async def test_a_session_takes_eight_hours_whatever_is_left_of_the_link(
    store: Store, context: RequestContext, clock: Time
) -> None:
    links = store.setup_links
    issued = await links.issue(context, ALL, 1)
    clock.advance(DAY - 1)
    opening = await links.open_link(context, issued.link.id, issued.secret)
    assert opening.session is not None
    clock.advance(SESSION_SECONDS - 1)
    assert await links.find_session(context, issued.link.id, opening.session) is not None
    clock.advance(1)
    assert await links.find_session(context, issued.link.id, opening.session) is None


async def test_to_revoke_a_link_ends_its_session(store: Store, context: RequestContext) -> None:
    links = store.setup_links
    issued = await links.issue(context, ALL, 7)
    opening = await links.open_link(context, issued.link.id, issued.secret)
    await links.revoke(context, issued.link.id)
    assert await links.find_session(context, issued.link.id, opening.session or "") is None
    with pytest.raises(NotFound):
        await links.revoke(context, "0" * 32)


async def test_a_session_that_was_ended_does_not_come_back(
    store: Store, context: RequestContext
) -> None:
    links = store.setup_links
    issued = await links.issue(context, ALL, 7)
    opening = await links.open_link(context, issued.link.id, issued.secret)
    await links.end_session(context, issued.link.id)
    assert await links.find_session(context, issued.link.id, opening.session or "") is None
    assert (await links.open_link(context, issued.link.id, issued.secret)).session is None


async def test_links_are_listed_until_a_month_after_they_expired(
    store: Store, context: RequestContext, clock: Time
) -> None:
    old = await store.setup_links.issue(context, ALL, 1)
    clock.advance(30 * DAY)
    kept = await store.setup_links.issue(context, ALL, 7)
    listed = [link.id for link in await store.setup_links.list_links(context)]
    assert listed == [kept.link.id, old.link.id]
    clock.advance(2 * DAY)
    newest = await store.setup_links.issue(context, ALL, 7)
    listed = [link.id for link in await store.setup_links.list_links(context)]
    assert listed == [newest.link.id, kept.link.id]


async def test_links_that_nobody_opens_are_bounded(store: Store, context: RequestContext) -> None:
    for _ in range(MOST_LINKS):
        issued = await store.setup_links.issue(context, ALL, 7)
    with pytest.raises(Conflict, match="Revoke"):
        await store.setup_links.issue(context, ALL, 7)
    await store.setup_links.revoke(context, issued.link.id)
    await store.setup_links.issue(context, ALL, 7)


async def test_what_each_costs(store: Store, new_context: NewContext) -> None:
    links = store.setup_links
    issuing, opening, guessing, finding = (new_context() for _ in range(4))
    issued = await links.issue(issuing, ALL, 7)
    session = (await links.open_link(opening, issued.link.id, issued.secret)).session or ""
    await links.open_link(guessing, issued.link.id, "A" * 43)
    await links.find_session(finding, issued.link.id, session)
    calls = [each.meter.calls for each in (issuing, opening, guessing, finding)]
    assert calls == [2, 2, 1, 1]


async def test_each_step_is_in_the_audit_and_none_is_in_the_feed(
    store: Store, context: RequestContext
) -> None:
    issued = await store.setup_links.issue(context, ALL, 7)
    await store.setup_links.open_link(context, issued.link.id, issued.secret)
    await store.setup_links.revoke(context, issued.link.id)
    rows = await collect(store.table, context, layout.changes_span())
    found = [recorded(row) for row in rows]
    steps = [(each.change.resource, each.change.verb, each.change.names) for each in found]
    assert steps == [
        ("SetupLink", "create", ()),
        ("SetupLink", "update", ("opened",)),
        ("SetupLink", "update", ("revoked",)),
    ]
    assert {each.change.id for each in found} == {issued.link.id}
    assert [event for each in found for event in events_of(each)] == []
