"""Requests at the same time: what must never happen, however they interleave."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import (
    NotFound,
    PreconditionFailed,
    ScimError,
    Unavailable,
    Uniqueness,
)
from shared.scim.members import MemberChange
from shared.tables.tenant_queue import TenantQueue
from tests.support.documents import group, setting
from tests.support.fakes.storage_proxy import first
from tests.support.seeds import seed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from shared.store.deletions import Sweeper
    from shared.store.store import Store
    from tests.conftest import NewContext
    from tests.support.fakes.storage_proxy import StorageProxy
    from tests.unit.store.conftest import ReadBack


async def test_of_32_who_create_one_user_name_in_two_spellings_exactly_one_wins(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    for number in range(4):
        spellings = (f"Jo{number}@Example.com", f"jo{number}@example.COM")
        creations = (
            store.users.create(new_context(), {"userName": spellings[n % 2]}) for n in range(32)
        )
        outcomes = await together(creations)
        losers = [outcome for outcome in outcomes if isinstance(outcome, Uniqueness)]
        assert len(losers) == 31
        assert all(loser.path == "userName" for loser in losers)
    found = await consistent()
    assert len(found.of("u")) == len(found.of("un")) == 4
    assert await store.users.count(new_context()) == 4


async def test_of_those_who_create_one_group_exactly_one_wins(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    names = ("Staff", "STAFF") * 8
    outcomes = await together(
        store.groups.create(new_context(), {"displayName": name}) for name in names
    )
    assert sum(isinstance(outcome, Uniqueness) for outcome in outcomes) == 15
    assert len((await consistent()).of("gn")) == 1


async def test_users_who_share_an_e_mail_and_an_external_id_are_created_at_once(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    shared = {"externalId": "7", "emails": [{"value": "Team@Example.com"}]}
    outcomes = await together(
        store.users.create(new_context(), {"userName": f"jo{n}", **shared}) for n in range(16)
    )
    assert errors_among(outcomes) == []
    assert len(await store.users.by_email(new_context(), "team@example.com")) == 16
    assert len(await store.users.by_external_id(new_context(), "7")) == 16
    await consistent()


async def test_an_e_mail_twice_in_two_spellings_is_one_row(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    emails = [{"value": "Jo@x.org"}, {"value": "jo@X.ORG", "type": "home"}]
    created = await store.users.create(new_context(), {"userName": "jo", "emails": emails})
    assert len((await consistent()).of("ue")) == 1
    await store.users.update(new_context(), created.id, setting(emails=emails[:1]))
    assert len((await consistent()).of("ue")) == 1
    await store.users.delete(new_context(), created.id)
    assert (await consistent()).of("ue") == {}


async def test_a_rename_in_letter_case_only_keeps_the_claim(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    created = await store.users.create(new_context(), {"userName": "jo"})
    outcomes = await together(
        store.users.update(new_context(), created.id, setting(userName=name))
        for name in ("JO", "Jo", "jO")
    )
    assert errors_among(outcomes) == []
    found = await consistent()
    assert len(found.of("un")) == 1
    renamed = await store.users.by_user_name(new_context(), "jo")
    assert renamed is not None
    assert renamed.version == 4


async def test_a_name_that_is_being_freed_goes_to_at_most_one_of_those_who_want_it(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    for number in range(8):
        holder = await store.users.create(new_context(), {"userName": f"wanted{number}"})
        others = [
            await store.users.create(new_context(), {"userName": f"other{number}.{n}"})
            for n in range(4)
        ]
        freeing = (
            store.users.delete(new_context(), holder.id)
            if number % 2
            else store.users.update(new_context(), holder.id, setting(userName=f"free{number}"))
        )
        renames = (
            store.users.update(new_context(), other.id, setting(userName=f"Wanted{number}"))
            for other in others
        )
        freed, *outcomes = await together([freeing, *renames])
        assert not isinstance(freed, BaseException)
        refusals = [o for o in outcomes if isinstance(o, BaseException)]
        assert len(refusals) >= 3
        assert all(isinstance(refusal, Uniqueness) for refusal in refusals)
    await consistent()


async def test_two_users_who_swap_their_names_end_with_one_name_each(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    first = await store.users.create(new_context(), {"userName": "a"})
    second = await store.users.create(new_context(), {"userName": "b"})
    outcomes = await together(
        [
            store.users.update(new_context(), first.id, setting(userName="b")),
            store.users.update(new_context(), second.id, setting(userName="a")),
        ]
    )
    assert all(isinstance(outcome, Uniqueness) for outcome in outcomes)
    await consistent()


async def test_changes_of_one_user_by_16_writers_are_all_kept(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    created = await store.users.create(new_context(), {"userName": "jo", "title": "0"})

    async def increment_often() -> int:
        done = 0
        for _ in range(3):
            # A client repeats what was answered with 503.
            while errors_among(
                await together([store.users.update(new_context(), created.id, increment)])
            ):
                pass
            done += 1
        return done

    assert sum(await asyncio.gather(*(increment_often() for _ in range(16)))) == 48
    settled = await store.users.get(new_context(), created.id)
    assert (settled.document["title"], settled.version) == ("48", 49)
    await consistent()


async def test_of_changes_under_one_version_exactly_one_wins(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    created = await store.users.create(new_context(), {"userName": "jo"})
    group = await store.groups.create(new_context(), {"displayName": "staff"})
    outcomes = await together(
        store.users.update(
            new_context(), created.id, setting(title=str(n)), precondition=lambda v: v == "1"
        )
        for n in range(8)
    )
    assert sum(isinstance(outcome, PreconditionFailed) for outcome in outcomes) == 7
    outcomes = await together(
        store.groups.update(
            new_context(),
            group.id,
            MemberChange(),
            setting(displayName=f"staff {n}"),
            precondition=lambda v: v == group.version,
        )
        for n in range(8)
    )
    assert sum(isinstance(outcome, PreconditionFailed) for outcome in outcomes) == 7
    await consistent()


async def test_of_deletions_of_one_resource_exactly_one_wins(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(store.table, new_context(), users=5)
    outcomes = await together(
        store.groups.delete(new_context(), everyone.groups[0]) for _ in range(6)
    )
    assert sum(isinstance(outcome, NotFound) for outcome in outcomes) == 5
    outcomes = await together(
        store.users.delete(new_context(), everyone.users[0]) for _ in range(6)
    )
    assert sum(isinstance(outcome, NotFound) for outcome in outcomes) == 5
    found = await consistent()
    assert not found.of("q-g")
    assert not found.of("m")


async def test_members_come_and_go_while_users_and_groups_are_deleted(
    store: Store, sweeper: Sweeper, new_context: NewContext, consistent: ReadBack
) -> None:
    chance = random.Random(7)
    users, groups = await directory(store, new_context, users=6, groups=4)
    pairs = [(gid, uid) for gid in groups for uid in users]
    doomed_users, doomed_group = users[:2], groups[0]

    async def delete_something(writer: int) -> None:
        if writer < 2:
            await store.users.delete(new_context(), doomed_users[writer])
        elif writer == 2:
            await store.groups.delete(new_context(), doomed_group)

    async def write(writer: int) -> list[object]:
        outcomes: list[object] = []
        for turn in range(12):
            gid, uid = chance.choice(pairs)
            change = chance.choice([MemberChange(add=(uid,)), MemberChange(remove=(uid,))])
            if turn == 6:
                await delete_something(writer)
            outcomes += await together([store.groups.update(new_context(), gid, change)])
        return outcomes

    outcomes = [o for some in await asyncio.gather(*map(write, range(12))) for o in some]
    assert {type(error) for error in errors_among(outcomes)} <= {NotFound}
    assert all(doomed_group in error.detail for error in errors_among(outcomes))
    found = await consistent()
    assert found.of("u").keys() == set(users[2:])
    assert found.of("q-g") == found.of("q-u") == {}, "what was deleted was swept"
    assert {gid for gid, _ in found.memberships()} <= set(groups[1:])
    assert {uid for _, uid in found.memberships()} <= set(users[2:])


async def test_320_users_join_one_group_by_32_writers(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    users, [gid] = await directory(store, new_context, users=320, groups=1)

    async def add(some: list[str]) -> list[object]:
        return [
            outcome
            for uid in some
            for outcome in await together(
                [store.groups.update(new_context(), gid, MemberChange(add=(uid,)))]
            )
        ]

    shares = (users[n::32] for n in range(32))
    outcomes = [o for some in await asyncio.gather(*map(add, shares)) for o in some]
    assert errors_among(outcomes) == []
    group = await store.groups.get(new_context(), gid)
    assert group.member_ids == tuple(sorted(users))
    await consistent()


async def test_the_same_40_users_join_six_groups_at_once(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    users, groups = await directory(store, new_context, users=40, groups=6)
    contexts = [new_context() for _ in groups]
    outcomes = await together(
        store.groups.update(context, gid, MemberChange(add=tuple(users)))
        for context, gid in zip(contexts, groups, strict=True)
    )
    assert errors_among(outcomes) == []
    assert len((await consistent()).memberships()) == 6 * 40
    # Read, perhaps lose, queue, read again: not once more for each of the others.
    assert sum(context.meter.calls for context in contexts) <= 6 * 3 * 41


async def test_one_user_joins_20_groups_at_once(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    [uid], groups = await directory(store, new_context, users=1, groups=20)
    outcomes = await together(
        store.groups.update(new_context(), gid, MemberChange(add=(uid,))) for gid in groups
    )
    assert errors_among(outcomes) == []
    settled = await store.users.get(new_context(), uid)
    assert sorted(settled.group_ids) == sorted(groups)
    await consistent()


async def test_one_user_is_the_first_member_of_100_groups_at_once(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    """Each creation writes the user's row: without the queue they lose race after race."""
    [uid], _ = await directory(store, new_context, users=1, groups=0)
    contexts = [new_context() for _ in range(100)]
    outcomes = await together(
        store.groups.create(context, group(f"new {n}"), [uid]) for n, context in enumerate(contexts)
    )
    assert errors_among(outcomes) == []
    # Read and lose, queue, read and commit; each lost race more is two calls more.
    assert sum(context.meter.calls for context in contexts) <= 8 * 100
    assert len((await consistent()).memberships()) == 100


async def test_an_add_to_a_deleted_group_is_not_found(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    [uid], [gid] = await directory(store, new_context, users=1, groups=1)
    await store.groups.delete(new_context(), gid)
    joining = MemberChange(add=(uid,))
    with pytest.raises(NotFound):
        await store.groups.update(new_context(), gid, joining)
    with pytest.raises(NotFound):
        await store.groups.update(new_context(), gid, MemberChange(remove=(uid,)))
    with pytest.raises(NotFound):
        await store.groups.update(new_context(), gid, MemberChange(replace=True, add=(uid,)))
    assert (await consistent()).memberships() == set()


async def test_an_add_to_a_group_that_is_deleted_under_way_is_not_found(
    store: Store,
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    [uid], [gid] = await directory(store, new_context, users=1, groups=1)
    proxy.order(first(lambda: store.groups.delete(new_context(), gid)))
    with pytest.raises(NotFound):
        await faulty_store.groups.update(new_context(), gid, MemberChange(add=(uid,)))
    assert (await consistent()).memberships() == set()


async def test_a_user_who_is_deleted_while_joining_is_skipped_and_recorded(
    store: Store,
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    users, [gid] = await directory(store, new_context, users=2, groups=1)
    proxy.order(first(lambda: store.users.delete(new_context(), users[0])))
    await faulty_store.groups.update(new_context(), gid, MemberChange(add=tuple(users)))
    found = await consistent()
    assert found.memberships() == {(gid, users[1])}
    assert found.changes("members")[0]["skip"] == [users[0]]


async def test_a_user_is_deleted_out_of_groups_that_are_being_deleted(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    users, groups = await directory(store, new_context, users=3, groups=6)
    for gid in groups:
        await store.groups.update(new_context(), gid, MemberChange(add=tuple(users)))
    outcomes = await together(
        [
            *(store.groups.delete(new_context(), gid) for gid in groups[:4]),
            store.users.delete(new_context(), users[0]),
            store.users.delete(new_context(), users[1]),
        ]
    )
    assert errors_among(outcomes) == []
    found = await consistent()
    assert found.memberships() == {(gid, users[2]) for gid in groups[4:]}
    assert found.of("q-g") == {}


async def test_two_replaces_of_one_list_at_once_leave_it_consistent(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    users, [gid] = await directory(store, new_context, users=60, groups=1)
    lists = [tuple(users[:40]), tuple(users[20:])]
    for _ in range(3):
        outcomes = await together(
            store.groups.update(new_context(), gid, MemberChange(replace=True, add=members))
            for members in lists
        )
        assert errors_among(outcomes) == []
        members = {uid for _, uid in (await consistent()).memberships()}
        assert members >= set(users[20:40]), "who is in both lists is a member in any case"


async def test_of_two_replaces_with_if_match_exactly_one_wins_whole(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    users, [gid] = await directory(store, new_context, users=30, groups=1)

    async def replace_list(members: list[str], version: str) -> str:
        change = MemberChange(replace=True, add=tuple(members))
        return await store.groups.update(
            new_context(), gid, change, precondition=lambda present: present == version
        )

    for turn in range(4):
        version = (await store.groups.get(new_context(), gid)).version
        lists = [users[turn : turn + 20], users[turn + 5 : turn + 25]]
        outcomes = await together(replace_list(members, version) for members in lists)
        won = [members for members, o in zip(lists, outcomes, strict=True) if isinstance(o, str)]
        assert len(won) == 1
        assert any(isinstance(outcome, PreconditionFailed) for outcome in outcomes)
        assert {uid for _, uid in (await consistent()).memberships()} == set(won[0])


async def test_a_group_is_renamed_while_members_join(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    users, [gid] = await directory(store, new_context, users=12, groups=1)
    outcomes = await together(
        [
            *(store.groups.update(new_context(), gid, MemberChange(add=(uid,))) for uid in users),
            store.groups.update(new_context(), gid, MemberChange(), setting(displayName="new")),
        ]
    )
    assert errors_among(outcomes) == []
    found = await consistent()
    assert found.document(f"g-{gid}") == {"displayName": "new"}
    assert len(found.memberships()) == 12


async def test_a_group_of_a_deleted_name_can_be_created_while_it_is_swept(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    users, [gid] = await directory(store, new_context, users=50, groups=1)
    await store.groups.update(new_context(), gid, MemberChange(add=tuple(users)))

    async def create_when_free() -> None:
        while errors_among(
            await together([store.groups.create(new_context(), {"displayName": "group 0"}, users)])
        ):
            pass

    await asyncio.gather(store.groups.delete(new_context(), gid), create_when_free())
    found = await consistent()
    [new] = found.of("g")
    assert found.memberships() == {(new, uid) for uid in users}


async def test_who_waits_for_a_turn_until_the_deadline_is_told_when_to_repeat(
    new_context: NewContext,
) -> None:
    queue = TenantQueue(capacity=1)
    assert not queue.is_full(new_context())
    async with queue.place(new_context()):
        assert queue.is_full(new_context())
        with pytest.raises(Unavailable) as refused:
            async with queue.place(new_context(seconds=0.05)):
                pass
        assert refused.value.retry_after is not None
    async with queue.place(new_context()):
        pass


async def directory(
    store: Store, new_context: NewContext, *, users: int, groups: int
) -> tuple[list[str], list[str]]:
    """Write users, and create groups without members: their ids."""
    everyone = await seed(store.table, new_context(), users=users, groups=0)
    created = [
        (await store.groups.create(new_context(), {"displayName": f"group {n}"})).id
        for n in range(groups)
    ]
    return list(everyone.users), created


async def together(requests: Iterable[Awaitable[object]]) -> list[object]:
    """Run requests at once; their results and refusals. Any other exception is a failure."""
    outcomes: list[object] = list(await asyncio.gather(*requests, return_exceptions=True))
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, ScimError):
            raise outcome
    return outcomes


def errors_among(outcomes: Iterable[object]) -> list[ScimError]:
    return [outcome for outcome in outcomes if isinstance(outcome, ScimError)]


def increment(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "title": str(int(document["title"]) + 1)}
