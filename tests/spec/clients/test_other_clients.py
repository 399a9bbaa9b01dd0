"""OneLogin, JumpCloud, and clients that read the ServiceProviderConfig.

The letters in the docstrings are those of `tests/spec/clients/README.md`.
"""

from tests.support.fixtures.scim_client import USER, Scim, created, listed, own, refused, shown
from tests.support.fixtures.service import Clients


async def test_onelogin_patches_groups_without_a_user_agent(new_scim: Clients) -> None:
    """F.OneLogin."""
    onelogin = new_scim().speaking({"User-Agent": ""}, {"Content-Type": "application/scim+json"})
    user = await onelogin.create_user()
    group = await onelogin.create_group()
    operation = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    assert (await onelogin.patch(f"/Groups/{group['id']}", operation)).status_code == 204
    assert await onelogin.members(group["id"]) == {user["id"]}


async def test_jumpcloud_tries_a_user_and_a_group_and_takes_them_away(scim: Scim) -> None:
    """F.JumpCloud: the setup must leave nothing behind."""
    async with scim.unchanged():
        user = await scim.create_user("jumpcloud-test@x.test", active=True)
        group = await scim.create_group("jumpcloud-test-group")
        add = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
        remove = {"op": "remove", "path": "members", "value": [{"value": user["id"]}]}
        for operation in (add, remove):
            assert (await scim.patch(f"/Groups/{group['id']}", operation)).status_code == 204
        assert (await scim.delete(f"/Groups/{group['id']}")).status_code == 204
        assert (await scim.delete(f"/Users/{user['id']}")).status_code == 204


async def test_jumpcloud_takes_over_a_group_of_the_same_name(scim: Scim) -> None:
    """F.JumpCloud: it looks the name up, then writes to what it found."""
    user = await scim.create_user()
    group = await scim.create_group("Engineering")
    found = await scim.found("/Groups", 'displayName eq "engineering"')
    assert found == [group["id"]]
    add = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    assert (await scim.patch(f"/Groups/{found[0]}", add)).status_code == 204
    assert await scim.members(group["id"]) == {user["id"]}


async def test_jumpcloud_deactivates_with_a_put(scim: Scim) -> None:
    """F.JumpCloud: where it does not delete."""
    user = await scim.create_user(displayName="Ana")
    body = {**user, "active": False}
    replaced = shown(await scim.put(f"/Users/{user['id']}", body))
    assert own(replaced) == {**own(user), "active": False}


async def test_a_client_that_chooses_by_the_service_provider_config_may_choose_either(
    scim: Scim,
) -> None:
    """F: some read it to choose between PUT and PATCH (bitwarden#2919)."""
    config = shown(await scim.get("/ServiceProviderConfig"))
    assert config["patch"] == {"supported": True}

    user = await scim.create_user()
    put = {"schemas": [USER], "userName": "ana@contoso.test", "title": "by PUT"}
    assert shown(await scim.put(f"/Users/{user['id']}", put))["title"] == "by PUT"
    patch = {"op": "replace", "path": "title", "value": "by PATCH"}
    assert (await scim.patched_user(user, patch))["title"] == "by PATCH"


async def test_a_whole_life_through_the_wire(scim: Scim) -> None:
    """Any client: join, move, leave, come back."""
    ana = created(await scim.post("/Users", {"schemas": [USER], "userName": "ana@x.test"}))
    sales, support = await scim.create_group("Sales", ana["id"]), await scim.create_group("Support")
    await scim.patch(
        f"/Groups/{support['id']}",
        {"op": "add", "path": "members", "value": [{"value": ana["id"]}]},
    )
    await scim.patch(
        f"/Groups/{sales['id']}", {"op": "remove", "path": f'members[value eq "{ana["id"]}"]'}
    )
    moved = await scim.user(ana["id"])
    assert [entry["value"] for entry in moved["groups"]] == [support["id"]]

    assert (await scim.delete(f"/Users/{ana['id']}")).status_code == 204
    refused(await scim.get(f"/Users/{ana['id']}"), 404)
    assert await scim.members(support["id"]) == set()

    again = created(await scim.post("/Users", {"schemas": [USER], "userName": "ana@x.test"}))
    assert again["id"] != ana["id"]
    assert listed(await scim.get("/Users"))["totalResults"] == 1
    assert "groups" not in again
