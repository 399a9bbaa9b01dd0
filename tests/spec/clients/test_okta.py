"""Okta: integrations made by hand (AIW) send PUT, those of its network (OIN) send PATCH.

The letters in the docstrings are those of `tests/spec/clients/README.md`.
"""

import pytest

from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    GROUP,
    USER,
    Resource,
    Scim,
    listed,
    own,
    shown,
)

JO: Resource = {
    "schemas": [USER],
    "userName": "jo@okta.test",
    "name": {"givenName": "Jo", "familyName": "Day"},
    "emails": [{"primary": True, "value": "jo@okta.test", "type": "work"}],
    "displayName": "Jo Day",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq",
    "active": True,
}


@pytest.mark.parametrize("query", ["startIndex=1&count=2", "startIndex=1&count=100"])
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_the_connection_test_reads_a_page(okta: Scim, endpoint: str, query: str) -> None:
    """F.Okta: the numbers of the list are integers, and `Resources` is there when it is empty."""
    page = shown(await okta.get(f"{endpoint}?{query}"))
    for name in ("totalResults", "startIndex", "itemsPerPage"):
        assert type(page[name]) is int
    assert page["Resources"] == []


async def test_a_user_is_looked_up_created_and_imported(okta: Scim) -> None:
    """F.Okta: a password is taken and never shown; `groups` of the client is ignored."""
    assert await okta.found("/Users", 'userName eq "jo@okta.test"') == []
    user = await okta.create_user(JO["userName"], **JO)

    expected = {
        name: value for name, value in own(JO).items() if name not in {"groups", "password"}
    }
    assert own(user) == expected
    assert await okta.found("/Users", 'userName eq "jo@okta.test"') == [user["id"]]
    imported = listed(await okta.get("/Users?startIndex=1&count=100"))
    assert imported["Resources"] == [user]


@pytest.mark.parametrize("active", [True, False])
async def test_a_user_is_read_merged_and_put(okta: Scim, active: bool) -> None:
    """F.Okta: a profile update sends back all that it has read, changed."""
    user = await okta.create_user(JO["userName"], **{**JO, "active": active})
    read = await okta.user(user["id"])
    read["name"]["familyName"] = "Night"

    replaced = shown(await okta.put(f"/Users/{user['id']}", read))

    assert replaced["name"] == {"givenName": "Jo", "familyName": "Night"}
    assert own(replaced) == own(read)
    assert replaced["active"] is active
    assert replaced == await okta.user(user["id"])


@pytest.mark.parametrize("active", [True, False])
async def test_a_put_without_active_neither_enables_nor_disables(okta: Scim, active: bool) -> None:
    """F.Okta."""
    user = await okta.create_user(active=active)
    body = {"schemas": [USER], "userName": "ana@contoso.test", "title": "T"}
    assert shown(await okta.put(f"/Users/{user['id']}", body))["active"] is active


async def test_a_put_takes_away_what_it_leaves_out(okta: Scim) -> None:
    """F.Okta: all but `active`; the user stays in its groups."""
    user = await okta.create_user(title="T", **{ENTERPRISE: {"department": "D"}})
    group = await okta.create_group("Everyone", user["id"])
    body = {"schemas": [USER], "userName": "ana@contoso.test", "active": False}

    replaced = shown(await okta.put(f"/Users/{user['id']}", body))

    assert replaced["schemas"] == [USER]
    assert set(own(replaced)) == {"userName", "active", "groups"}
    assert [entry["value"] for entry in replaced["groups"]] == [group["id"]]


@pytest.mark.parametrize("active", [False, True])
async def test_a_user_is_deactivated_and_activated(okta: Scim, active: bool) -> None:
    """F.Okta: no path, a real boolean."""
    user = await okta.create_user(active=not active)
    changed = await okta.patched_user(user, {"op": "replace", "value": {"active": active}})
    assert changed["active"] is active


async def test_a_password_is_synchronised_and_kept_nowhere(okta: Scim) -> None:
    """F.Okta: the answer is a success that changes nothing."""
    user = await okta.create_user()
    for operation in (
        {"op": "replace", "value": {"password": "1mz050nq"}},
        {"op": "replace", "path": "password", "value": "1mz050nq"},
    ):
        assert await okta.patched_user(user, operation) == user
    assert await okta.found("/Users", 'password eq "1mz050nq"') == []


async def test_a_group_is_pushed_with_its_members(okta: Scim) -> None:
    """F.Okta: with `display` of each member, and without an externalId."""
    user = await okta.create_user()
    body = {
        "schemas": [GROUP],
        "displayName": "Everyone",
        "members": [{"value": user["id"], "display": "jo@okta.test"}],
    }
    answer = await okta.post("/Groups", body)
    assert answer.status_code == 201
    group = answer.json()
    assert [member["value"] for member in group["members"]] == [user["id"]]
    assert await okta.found("/Groups", 'displayName eq "Everyone"') == [group["id"]]


async def test_a_group_is_renamed_with_its_id_in_the_value(okta: Scim) -> None:
    """F.Okta: the id is tolerated, and the members stay."""
    user = await okta.create_user()
    group = await okta.create_group("Everyone", user["id"])
    value = {"id": group["id"], "displayName": "All"}
    answer = await okta.patch(f"/Groups/{group['id']}", {"op": "replace", "value": value})
    assert answer.status_code == 204
    assert (await okta.group(group["id"]))["displayName"] == "All"
    assert await okta.members(group["id"]) == {user["id"]}


async def test_a_replace_that_names_an_empty_list_empties_the_group(okta: Scim) -> None:
    """F.Okta: named, so meant (scimgateway#113)."""
    user = await okta.create_user()
    group = await okta.create_group("Everyone", user["id"])
    value = {"id": group["id"], "displayName": "Everyone", "members": []}
    answer = await okta.patch(f"/Groups/{group['id']}", {"op": "replace", "value": value})
    assert answer.status_code == 204
    assert await okta.members(group["id"]) == set()


async def test_members_come_and_go(okta: Scim) -> None:
    """F.Okta: add with a path, remove with a filter, in one request."""
    one, two = [(await okta.create_user(f"u{n}@x.test"))["id"] for n in range(2)]
    group = await okta.create_group("Everyone", one)
    answer = await okta.patch(
        f"/Groups/{group['id']}",
        {"op": "remove", "path": f'members[value eq "{one}"]'},
        {"op": "add", "path": "members", "value": [{"value": two, "display": "two"}]},
    )
    assert answer.status_code == 204
    assert await okta.members(group["id"]) == {two}


async def test_a_group_is_put_with_a_new_list(okta: Scim) -> None:
    """F.Okta: the list that is named replaces the old one; one that is not is left alone."""
    one, two = [(await okta.create_user(f"u{n}@x.test"))["id"] for n in range(2)]
    group = await okta.create_group("Everyone", one)
    path = f"/Groups/{group['id']}"
    body = {"schemas": [GROUP], "displayName": "All", "members": [{"value": two}]}

    replaced = shown(await okta.put(path, body))
    assert replaced["displayName"] == "All"
    assert [member["value"] for member in replaced["members"]] == [two]
    assert replaced == await okta.group(group["id"])

    del body["members"]
    shown(await okta.put(path, body))
    assert await okta.members(group["id"]) == {two}

    shown(await okta.put(path, {**body, "members": []}))
    assert await okta.members(group["id"]) == set()
