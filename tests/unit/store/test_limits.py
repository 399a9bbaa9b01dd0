"""Large and awkward values: stored whole, or refused before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InvalidValue, PayloadTooLarge
from shared.scim.members import MemberChange
from shared.store.changes import Change
from shared.store.claims import MAX_EMAILS, MAX_VALUE_LENGTH
from shared.store.commits import commit
from shared.tables.operations import MAX_TRANSACTION_OPERATIONS, Insert
from tests.support.documents import group, setting, user

if TYPE_CHECKING:
    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.unit.store.conftest import ReadBack

NEARLY_1_MIB = 520_000
"""Characters of two bytes each."""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("😀" * 15_000, id="60 KB of emoji"),
        pytest.param("a😀" * 20_000, id="emoji on odd places"),
        pytest.param('"\\\n\x00\x7f\u2028' * 5_000, id="characters that JSON escapes"),
        pytest.param("x" * NEARLY_1_MIB, id="nearly 1 MiB of ASCII"),
    ],
)
async def test_a_large_document_comes_back_as_it_was_sent(
    store: Store, new_context: NewContext, consistent: ReadBack, text: str
) -> None:
    created = await store.users.create(new_context(), user("jo", nickName=text))
    assert (await store.users.get(new_context(), created.id)).document["nickName"] == text
    await store.users.update(new_context(), created.id, setting(active=False))
    staff = await store.groups.create(new_context(), group("staff"), [created.id])
    settled = await store.users.get(new_context(), created.id)
    assert settled.document == user("jo", nickName=text, active=False)
    assert settled.group_ids == (staff.id,)
    await store.users.update(new_context(), created.id, setting(nickName="short"))
    row = (await consistent()).rows[f"u-{created.id}"]
    assert "d1" not in row.values, "a shorter document leaves nothing behind"


@pytest.mark.parametrize("text", ["é" * NEARLY_1_MIB, "😀" * (NEARLY_1_MIB // 2)])
async def test_nearly_1_mib_of_other_than_ascii_is_stored_where_the_storage_takes_it(
    store: Store, new_context: NewContext, consistent: ReadBack, text: str
) -> None:
    created = await store.users.create(new_context(), user("jo", nickName=text))
    assert (await store.users.get(new_context(), created.id)).document["nickName"] == text
    # Azurite holds 1 MiB against the bytes on the wire when a row is replaced: here, three times
    # what Table Storage counts.
    with pytest.raises(PayloadTooLarge):
        await store.users.update(new_context(), created.id, setting(active=False))
    assert (await consistent()).document(f"u-{created.id}") == created.document
    await store.users.delete(new_context(), created.id)


@pytest.mark.parametrize("text", ["x" * 530_000, "é" * 530_000, "😀" * 265_000])
async def test_a_document_over_1_mib_is_too_large_and_nothing_is_written(
    store: Store, new_context: NewContext, consistent: ReadBack, text: str
) -> None:
    with pytest.raises(PayloadTooLarge):
        await store.users.create(new_context(), user("jo", nickName=text))
    with pytest.raises(PayloadTooLarge):
        await store.groups.create(new_context(), group("staff", nickName=text))
    assert (await consistent()).rows == {}
    created = await store.users.create(new_context(), user("jo"))
    with pytest.raises(PayloadTooLarge):
        await store.users.update(new_context(), created.id, setting(nickName=text))
    assert (await consistent()).document(f"u-{created.id}") == user("jo")


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"userName": "x" * 5_000}, "userName"),
        ({"userName": "jo\x00"}, "userName"),
        ({"userName": "ß" * (MAX_VALUE_LENGTH // 2 + 1)}, "userName"),
        ({"externalId": "x" * 5_000}, "externalId"),
        ({"externalId": "\n"}, "externalId"),
        ({"emails": [{"value": "x" * 5_000}]}, "emails.value"),
        ({"emails": [{"value": "a\x1fb"}]}, "emails.value"),
        ({"emails": [{"value": f"{n}@x.org"} for n in range(MAX_EMAILS + 1)]}, "emails"),
    ],
)
async def test_a_value_by_which_a_user_cannot_be_found_is_refused(
    *,
    store: Store,
    new_context: NewContext,
    consistent: ReadBack,
    attributes: dict[str, Any],
    path: str,
) -> None:
    created = await store.users.create(new_context(), user("sam"))
    before = (await consistent()).rows
    with pytest.raises(InvalidValue) as refused:
        await store.users.create(new_context(), user("jo") | attributes)
    assert refused.value.path == path
    with pytest.raises(InvalidValue) as refused:
        await store.users.update(new_context(), created.id, setting(**attributes))
    assert refused.value.path == path
    assert (await consistent()).rows == before


async def test_a_group_is_refused_for_the_same_reasons(
    store: Store, context: RequestContext, consistent: ReadBack
) -> None:
    for attributes in ({"displayName": "x" * 5_000}, {"externalId": "\t"}):
        [path] = attributes
        with pytest.raises(InvalidValue) as refused:
            await store.groups.create(context, group("staff") | attributes)
        assert refused.value.path == path
    assert (await consistent()).rows == {}


@pytest.mark.parametrize(
    "name",
    [
        "o'neill@example.com",
        "' or PartitionKey ne '",
        "a/b\\c#d?e%2F",
        "Jürgen.Große@例え.jp",
        "😀",
        " ",
        "x" * MAX_VALUE_LENGTH,
    ],
)
async def test_any_other_value_is_found_again(
    store: Store, new_context: NewContext, consistent: ReadBack, name: str
) -> None:
    created = await store.users.create(
        new_context(), user(name, externalId=name, emails=[{"value": name}])
    )
    folded = name.casefold()
    assert await store.users.by_user_name(new_context(), folded) == created
    assert await store.users.by_external_id(new_context(), name) == [created]
    assert await store.users.by_email(new_context(), folded) == [created]
    staff = await store.groups.create(new_context(), group(name, externalId=name))
    (found,) = await store.groups.by_display_name(new_context(), folded)
    assert found.id == staff.id
    assert [g.id for g in await store.groups.by_external_id(new_context(), name)] == [staff.id]
    await consistent()


async def test_an_external_id_is_found_in_its_exact_spelling_only(
    store: Store, new_context: NewContext
) -> None:
    await store.users.create(new_context(), user("jo", externalId="Ab"))
    await store.groups.create(new_context(), group("staff", externalId="Ab"))
    assert await store.users.by_external_id(new_context(), "ab") == []
    assert await store.groups.by_external_id(new_context(), "ab") == []


async def test_all_e_mails_of_a_user_change_in_one_transaction(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    old = [{"value": f"old{n}@x.org"} for n in range(MAX_EMAILS)]
    new = [{"value": f"new{n}@x.org"} for n in range(MAX_EMAILS)]
    created = await store.users.create(new_context(), user("jo", emails=old, externalId="1"))
    context = new_context()
    await store.users.update(
        context, created.id, setting(userName="joe", emails=new, externalId="2")
    )
    assert context.meter.entities == 2 + 2 + 2 + 2 * MAX_EMAILS
    assert len((await consistent()).of("ue")) == MAX_EMAILS


@pytest.mark.parametrize("uid", ["", "x", "A" * 32, "u-1", "../..", "' or 1 eq 1", "é" * 32])
async def test_what_is_no_id_is_nobody(store: Store, context: RequestContext, uid: str) -> None:
    assert await store.users.get_many(context, [uid]) == []
    assert await store.groups.get_many(context, [uid]) == []
    assert await store.groups.have_members(context, ["0" * 32], [uid]) == [{}]
    assert context.meter.calls == 0


async def test_members_who_are_no_users_are_skipped_and_recorded(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    jo = await store.users.create(new_context(), user("jo"))
    unknown = "0" * 32
    staff = await store.groups.create(new_context(), group("staff"), [unknown, jo.id, "no id"])
    await store.groups.update(new_context(), staff.id, MemberChange(add=(unknown,)))
    found = await consistent()
    assert found.memberships() == {(staff.id, jo.id)}
    assert [change["skip"] for change in found.changes("create") if change["rt"] == "Group"] == [
        [unknown]
    ]
    assert [change["skip"] for change in found.changes("members")] == [[unknown]]


async def test_a_group_cannot_be_its_own_member(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    staff = await store.groups.create(new_context(), group("staff"))
    for change in (MemberChange(add=(staff.id,)), MemberChange(replace=True, add=(staff.id,))):
        with pytest.raises(InvalidValue, match="a member of itself"):
            await store.groups.update(new_context(), staff.id, change)
    assert (await consistent()).memberships() == set()


async def test_a_thousand_members_who_are_no_users_are_skipped(
    store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    staff = await store.groups.create(new_context(), group("staff"))
    unknown = tuple(f"{n:032x}" for n in range(1_000))
    await store.groups.update(new_context(), staff.id, MemberChange(add=unknown))
    [change] = (await consistent()).changes("members")
    assert change["skip"] == list(unknown[:900]), "as many as one property holds"


async def test_unknown_members_are_refused_where_the_setting_says_so(
    rejecting_store: Store, new_context: NewContext, consistent: ReadBack
) -> None:
    jo = await rejecting_store.users.create(new_context(), user("jo"))
    staff = await rejecting_store.groups.create(new_context(), group("staff"), [jo.id])
    before = (await consistent()).rows
    known_last = (*(f"{n:032x}" for n in range(201)), jo.id)
    for request in (
        lambda: rejecting_store.groups.create(new_context(), group("new"), known_last),
        lambda: rejecting_store.groups.update(
            new_context(), staff.id, MemberChange(add=known_last), setting(displayName="no")
        ),
        lambda: rejecting_store.groups.update(
            new_context(), staff.id, MemberChange(replace=True, add=known_last)
        ),
    ):
        with pytest.raises(InvalidValue) as refused:
            await request()
        assert refused.value.path == "members"
        assert refused.value.detail.startswith("201 of the members")
    assert (await consistent()).rows == before
    leaving = MemberChange(remove=known_last)
    await rejecting_store.groups.update(new_context(), staff.id, leaving)
    assert (await consistent()).memberships() == set()


async def test_a_transaction_of_more_than_100_rows_is_not_sent(
    store: Store, context: RequestContext, consistent: ReadBack
) -> None:
    inserts = [Insert(f"u-{n}", {}) for n in range(MAX_TRANSACTION_OPERATIONS)]
    with pytest.raises(PayloadTooLarge):
        await commit(store.table, context, Change("User", "1", "create"), inserts)
    assert context.meter.calls == 0
