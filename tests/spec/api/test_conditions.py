"""`If-Match` and `If-None-Match` of every write of `/api/v1` (RFC 9110 section 13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.spec.api.conftest import Managed

STALE = {"If-Match": 'W/"7"'}
FALSE_OF_ALL = (STALE, {"If-Match": '"a", "b"'}, {"If-Match": '""'}, {"If-None-Match": "*"})
TRUE_OF_ALL = ({"If-Match": "*"}, {"If-None-Match": 'W/"7"'})


def failed(response: httpx.Response) -> bool:
    told = (response.status_code, response.json()["type"])
    return told == (412, "/problems/precondition-failed")


@pytest.mark.parametrize("condition", FALSE_OF_ALL, ids=str)
async def test_a_write_whose_condition_is_false_changes_nothing(
    manage: Managed, condition: dict[str, str]
) -> None:
    tenant, token = await manage.new_tenant()
    old, place = token["version"], f"/{tenant}"
    new = (await manage("POST", f"{place}/tokens", {})).json()["version"]
    link = (await manage("POST", f"{place}/setup-links", {})).json()["id"]
    writes: list[tuple[str, str, Any]] = [
        ("PATCH", place, {"requestsPerSecond": 30}),
        ("DELETE", place, None),
        ("POST", f"{place}/tokens", {}),
        ("DELETE", f"{place}/tokens/{old}", None),
        ("POST", f"{place}/setup-links", {}),
        ("DELETE", f"{place}/setup-links/{link}", None),
        ("POST", "", {"name": f"{tenant}-new"}),
    ]
    for method, path, body in writes:
        assert failed(await manage(method, path, body, headers=condition)), (method, path)
    shown = (await manage("GET", place)).json()
    assert (shown["state"], shown["set"]) == ("open", [])
    tokens = (await manage("GET", f"{place}/tokens")).json()["tokens"]
    assert {each["version"]: each["state"] for each in tokens} == {old: "valid", new: "valid"}
    links = (await manage("GET", f"{place}/setup-links")).json()["links"]
    assert [(each["id"], each["state"]) for each in links] == [(link, "open")]
    assert (await manage("GET", f"/{tenant}-new")).status_code == 404


@pytest.mark.parametrize("condition", TRUE_OF_ALL, ids=str)
async def test_a_write_whose_condition_is_true_is_done(
    manage: Managed, condition: dict[str, str]
) -> None:
    tenant, token = await manage.new_tenant()
    place = f"/{tenant}"
    new = await manage("POST", f"{place}/tokens", {}, headers=condition)
    link = await manage("POST", f"{place}/setup-links", {}, headers=condition)
    assert (new.status_code, link.status_code) == (201, 201)
    for path in (f"/tokens/{token['version']}", f"/setup-links/{link.json()['id']}", ""):
        done = await manage("DELETE", place + path, headers=condition)
        assert done.status_code == 200, done.text
    assert (await manage("GET", place)).json()["state"] == "closed"


async def test_a_tenant_is_closed_at_the_version_of_its_settings_alone(manage: Managed) -> None:
    tenant, token = await manage.new_tenant()
    seen = (await manage("GET", f"/{tenant}")).headers["etag"]
    changed = await manage("PATCH", f"/{tenant}", {"requestsPerSecond": 30})
    assert failed(await manage("DELETE", f"/{tenant}", headers={"If-Match": seen}))
    assert await manage.opens(tenant, token["value"])
    current = {"If-Match": changed.headers["etag"]}
    assert (await manage("DELETE", f"/{tenant}", headers=current)).status_code == 200
    assert not await manage.opens(tenant, token["value"])


async def test_what_is_not_there_is_not_found_under_a_condition_too(manage: Managed) -> None:
    tenant, _ = await manage.new_tenant()
    for path in (f"/{tenant}/tokens/{'0' * 32}", f"/{tenant}/setup-links/{'0' * 32}"):
        assert (await manage("DELETE", path, headers=STALE)).status_code == 404


async def test_an_empty_condition_is_refused(manage: Managed) -> None:
    tenant, token = await manage.new_tenant()
    for name in ("If-Match", "If-None-Match"):
        refused = await manage("DELETE", f"/{tenant}", headers={name: ""})
        assert (refused.status_code, refused.json()["type"]) == (400, "/problems/invalid-syntax")
    assert await manage.opens(tenant, token["value"])


@pytest.mark.parametrize(
    ("method", "path", "wanted"),
    [
        ("POST", "", "application/json"),
        ("POST", "/acme/tokens", "application/json"),
        ("POST", "/acme/setup-links", "application/json"),
        ("PATCH", "/acme", "application/merge-patch+json or application/json"),
    ],
)
async def test_a_body_that_is_no_json_is_told_the_media_types_of_its_operation(
    manage: Managed, method: str, path: str, wanted: str
) -> None:
    response = await manage.app.client.request(
        method,
        f"/api/v1/tenants{path}",
        content=b"name=acme",
        headers={"Authorization": f"Bearer {manage.key}", "Content-Type": "text/plain"},
    )
    assert response.status_code == 415
    assert response.json()["detail"] == f"The body is not JSON. Send {wanted}."
