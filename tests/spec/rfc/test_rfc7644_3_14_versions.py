"""RFC 7644 section 3.14: versions of resources, and requests that depend on them."""

import asyncio
from collections import Counter

import httpx
import pytest

from tests.support.fixtures.scim_client import Resource, Scim, refused, shown

STALE = 'W/"no-such-version"'


async def _made(scim: Scim, endpoint: str) -> tuple[str, str]:
    """The path of a new resource and its version."""
    create = scim.create_user if endpoint == "/Users" else scim.create_group
    resource = await create()
    return f"{endpoint}/{resource['id']}", resource["meta"]["version"]


async def _write(
    scim: Scim, method: str, path: str, tags: str, header: str = "If-Match"
) -> httpx.Response:
    bodies: dict[str, Resource | None] = {
        "PUT": {"userName": "new", "displayName": "new"},
        "PATCH": {"Operations": [{"op": "replace", "path": "externalId", "value": "new"}]},
        "DELETE": None,
    }
    return await scim.request(method, path, bodies[method], headers={header: tags})


@pytest.mark.rfc("7644-3.14-etag", "7644-3.14-meta")
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_the_header_and_meta_name_the_same_version(scim: Scim, endpoint: str) -> None:
    path, version = await _made(scim, endpoint)
    answer = await scim.get(path)
    assert answer.headers["etag"] == shown(answer)["meta"]["version"] == version
    assert version.startswith('W/"')


@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_a_version_stays_until_something_changes(scim: Scim, endpoint: str) -> None:
    path, version = await _made(scim, endpoint)
    assert shown(await scim.get(path))["meta"]["version"] == version
    await _write(scim, "PATCH", path, version)
    changed = shown(await scim.get(path))["meta"]["version"]
    assert changed != version
    await _write(scim, "PATCH", path, changed)
    assert shown(await scim.get(path))["meta"]["version"] == changed


@pytest.mark.rfc("7644-3.14-if-none-match")
@pytest.mark.parametrize("known", ["{version}", '"x", {version}', "*", "{strong}"])
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_what_the_client_has_is_not_sent_again(scim: Scim, endpoint: str, known: str) -> None:
    path, version = await _made(scim, endpoint)
    header = known.format(version=version, strong=version.removeprefix("W/"))
    answer = await scim.get(path, headers={"If-None-Match": header})
    assert (answer.status_code, answer.headers["etag"]) == (304, version)
    assert (await scim.get(path, headers={"If-None-Match": STALE})).status_code == 200


@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_a_version_that_is_not_the_present_one_is_not_read(scim: Scim, endpoint: str) -> None:
    """RFC 9110 section 13.1.1, and 13.2.2: `If-Match` is looked at first."""
    path, version = await _made(scim, endpoint)
    for header in (version, "*", f'"x", {version}'):
        assert shown(await scim.get(path, headers={"If-Match": header}))
    for headers in ({"If-Match": STALE}, {"If-Match": STALE, "If-None-Match": version}):
        assert "If-Match" in refused(await scim.get(path, headers=headers), 412)
    both = {"If-Match": version, "If-None-Match": version}
    assert (await scim.get(path, headers=both)).status_code == 304


@pytest.mark.rfc("7644-3.14-if-match")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_a_stale_version_changes_nothing(scim: Scim, endpoint: str, method: str) -> None:
    path, version = await _made(scim, endpoint)
    await _write(scim, "PATCH", path, version)
    async with scim.unchanged():
        for stale in (version, STALE, '"x", "y"', "nonsense"):
            assert "If-Match" in refused(await _write(scim, method, path, stale), 412)


@pytest.mark.rfc("7644-3.14-if-match")
@pytest.mark.parametrize("match", ["{version}", '"x", {version}', "*", "{strong}"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_the_present_version_is_let_through(
    scim: Scim, endpoint: str, method: str, match: str
) -> None:
    path, version = await _made(scim, endpoint)
    header = match.format(version=version, strong=version.removeprefix("W/"))
    assert (await _write(scim, method, path, header)).status_code in {200, 204}


@pytest.mark.parametrize("none_match", ["{version}", '"x", {version}', "*", "{strong}"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_a_version_that_the_client_excludes_is_not_changed(
    scim: Scim, endpoint: str, method: str, none_match: str
) -> None:
    """RFC 9110 section 13.1.2: `*` excludes every version that there is."""
    path, version = await _made(scim, endpoint)
    tags = none_match.format(version=version, strong=version.removeprefix("W/"))
    async with scim.unchanged():
        answer = await _write(scim, method, path, tags, "If-None-Match")
        assert "If-None-Match" in refused(answer, 412)
        both = {"If-Match": version, "If-None-Match": tags}
        body = {"userName": "new", "displayName": "new"}
        refused(await scim.request("PUT", path, body, headers=both), 412)
    answer = await _write(scim, method, path, STALE, "If-None-Match")
    assert answer.status_code in {200, 204}


async def test_members_are_not_changed_in_a_version_that_is_excluded(scim: Scim) -> None:
    user = await scim.create_user()
    group = await scim.create_group("Sales", user["id"])
    path = f"/Groups/{group['id']}"
    remove = {"op": "remove", "path": f'members[value eq "{user["id"]}"]'}
    refused(await scim.patch(path, remove, headers={"If-None-Match": "*"}), 412)
    assert await scim.members(group["id"]) == {user["id"]}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_a_resource_that_is_gone_is_404_whatever_the_version(
    scim: Scim, endpoint: str, method: str
) -> None:
    path, version = await _made(scim, endpoint)
    await scim.delete(path)
    refused(await _write(scim, method, path, version), 404)


async def test_of_changes_at_once_to_one_version_one_succeeds(scim: Scim) -> None:
    path, version = await _made(scim, "/Users")
    answers = await asyncio.gather(
        *(
            scim.patch(
                path,
                {"op": "replace", "path": "title", "value": f"T{n}"},
                headers={"If-Match": version},
            )
            for n in range(6)
        )
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 5}


async def test_a_change_of_members_moves_the_version_of_the_group(scim: Scim) -> None:
    user = await scim.create_user()
    path, version = await _made(scim, "/Groups")
    add = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}

    answer = await scim.patch(path, add, headers={"If-Match": version})
    assert answer.status_code == 204
    moved = shown(await scim.get(path))["meta"]["version"]
    assert answer.headers["etag"] == moved != version

    remove = {"op": "remove", "path": "members"}
    refused(await scim.patch(path, remove, headers={"If-Match": version}), 412)
    assert await scim.members(path.rpartition("/")[2]) == {user["id"]}


async def test_of_replacements_of_one_list_at_once_one_succeeds(scim: Scim) -> None:
    users = [(await scim.create_user(f"u{n}"))["id"] for n in range(4)]
    path, version = await _made(scim, "/Groups")
    answers = await asyncio.gather(
        *(
            scim.patch(
                path,
                {"op": "replace", "path": "members", "value": [{"value": user}]},
                headers={"If-Match": version},
            )
            for user in users
        )
    )
    assert Counter(answer.status_code for answer in answers) == {204: 1, 412: 3}
    assert len(await scim.members(path.rpartition("/")[2])) == 1


async def test_a_membership_moves_the_version_of_the_user_but_not_its_time(scim: Scim) -> None:
    """The user shows `groups`, so what a client has is no longer what it would get."""
    user = await scim.create_user()
    await scim.create_group("Sales", user["id"])
    joined = await scim.user(user["id"])
    assert joined["meta"]["version"] != user["meta"]["version"]
    assert joined["meta"]["lastModified"] == user["meta"]["lastModified"]


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
async def test_an_empty_condition_of_a_write_is_refused(scim: Scim, header: str) -> None:
    """The client has asked for a condition, and to write without one might undo a change."""
    user, group = await scim.create_user(), await scim.create_group()
    async with scim.unchanged():
        for path in (f"/Users/{user['id']}", f"/Groups/{group['id']}"):
            for method in ("PUT", "PATCH", "DELETE"):
                answer = await _write(scim, method, path, "", header)
                assert header in refused(answer, 400, "invalidSyntax")
