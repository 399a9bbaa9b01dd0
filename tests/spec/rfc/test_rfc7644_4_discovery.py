"""RFC 7644 section 4: discovery, and that what it says is true."""

from urllib.parse import quote

import pytest
from scim2_models import ResourceType, Schema, ServiceProviderConfig

from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    GROUP,
    USER,
    Resource,
    Scim,
    created,
    listed,
    own,
    refused,
    shown,
)


@pytest.mark.rfc("7644-4-service-provider-config")
async def test_the_service_provider_config_is_read_by_a_library(scim: Scim) -> None:
    config = shown(await scim.get("/ServiceProviderConfig"))
    read = ServiceProviderConfig.model_validate(config)
    assert read.authentication_schemes is not None
    assert config["meta"]["location"] == f"{scim.tenant_url}/ServiceProviderConfig"
    types = [scheme["type"] for scheme in config["authenticationSchemes"]]
    assert types in (["oauthbearertoken"], ["oauth2", "oauthbearertoken"])  # with a client, or none


@pytest.mark.rfc("7644-4-schemas", "7644-4-resource-types", "7644-4-list")
@pytest.mark.parametrize(
    ("endpoint", "ids", "model"),
    [
        ("/Schemas", {USER, GROUP, ENTERPRISE}, Schema),
        ("/ResourceTypes", {"User", "Group"}, ResourceType),
    ],
)
async def test_descriptions_are_listed_and_read_one_by_one(
    scim: Scim, endpoint: str, ids: set[str], model: type[Schema] | type[ResourceType]
) -> None:
    page = listed(await scim.get(endpoint))
    assert {description["id"] for description in page["Resources"]} == ids
    assert page["totalResults"] == len(ids)
    for description in page["Resources"]:
        model.model_validate(description)
        for name in (description["id"], description["id"].upper(), quote(description["id"])):
            assert shown(await scim.get(f"{endpoint}/{name}")) == description


@pytest.mark.parametrize("endpoint", ["/Schemas", "/ResourceTypes"])
async def test_an_unknown_description_is_404(scim: Scim, endpoint: str) -> None:
    for name in ("x", "urn:x:y", "%27", "u" * 3_000):
        refused(await scim.get(f"{endpoint}/{name}"), 404)


@pytest.mark.rfc("7644-4-filter", "7644-4-ignored")
@pytest.mark.parametrize("endpoint", ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig"])
async def test_a_filter_is_forbidden(scim: Scim, endpoint: str) -> None:
    """Section 4: so that nobody takes all for some. Paging is ignored."""
    refused(await scim.get(f"{endpoint}?filter=id+pr"), 403)
    whole = shown(await scim.get(endpoint))
    assert shown(await scim.get(f"{endpoint}?startIndex=2&count=1&sortBy=id")) == whole


async def test_resource_types_point_to_their_schemas_and_endpoints(scim: Scim) -> None:
    types = listed(await scim.get("/ResourceTypes"))["Resources"]
    for described in types:
        assert shown(await scim.get(f"/Schemas/{described['schema']}"))
        assert listed(await scim.get(described["endpoint"]))["totalResults"] == 0
        for extension in described["schemaExtensions"]:
            assert extension["required"] is False
            assert shown(await scim.get(f"/Schemas/{extension['schema']}"))


# ---- the claims of the ServiceProviderConfig


async def _config(scim: Scim) -> Resource:
    return shown(await scim.get("/ServiceProviderConfig"))


async def test_patch_is_supported(scim: Scim) -> None:
    assert (await _config(scim))["patch"]["supported"] is True
    user = await scim.create_user()
    await scim.patched_user(user, {"op": "replace", "path": "title", "value": "T"})


@pytest.mark.rfc("7644-3.7.4-limits")
async def test_bulk_is_supported_up_to_a_number_and_a_size(scim: Scim) -> None:
    """That more is refused, tests/spec/rfc/test_rfc7644_3_7_bulk.py shows."""
    claim = (await _config(scim))["bulk"]
    assert claim == {"supported": True, "maxOperations": 1_000, "maxPayloadSize": 1_048_576}


async def test_filters_are_supported_and_a_page_has_at_most_max_results(scim: Scim) -> None:
    """The bound itself is beyond what a test creates; that `count` is cut, its tests show."""
    claim = (await _config(scim))["filter"]
    assert claim == {"supported": True, "maxResults": 200}
    user = await scim.create_user()
    assert await scim.found("/Users", "userName pr") == [user["id"]]


async def test_passwords_cannot_be_changed_because_none_are_kept(scim: Scim) -> None:
    assert (await _config(scim))["changePassword"]["supported"] is False
    user = await scim.create_user(password="s3cret-of-nobody")
    assert "password" not in user
    set_password = {"op": "replace", "path": "password", "value": "another"}
    assert await scim.patched_user(user, set_password) == user


async def test_sorting_is_supported(scim: Scim) -> None:
    assert (await _config(scim))["sort"]["supported"] is True
    for name in ("b", "a", "c"):
        await scim.create_user(name)
    for order, names in (("ascending", "abc"), ("descending", "cba")):
        page = listed(await scim.get(f"/Users?sortBy=userName&sortOrder={order}"))
        assert "".join(user["userName"] for user in page["Resources"]) == names


@pytest.mark.rfc("9865-4-announced", "9865-4-cursor-and-index")
async def test_both_ways_of_paging_are_supported(scim: Scim) -> None:
    """RFC 9865 section 4."""
    claim = (await _config(scim))["pagination"]
    assert (claim["index"], claim["cursor"]) == (True, True)
    await scim.create_user("a")
    await scim.create_user("b")
    by_default = listed(await scim.get("/Users?count=1"))
    assert claim["defaultPaginationMethod"] == "index"
    assert ("startIndex" in by_default, "nextCursor" in by_default) == (True, False)
    assert "nextCursor" in listed(await scim.get("/Users?cursor&count=1"))
    too_many = await scim.get(f"/Users?cursor&count={claim['maxPageSize'] + 1}")
    refused(too_many, 400, "invalidCount")


async def test_etags_are_supported(scim: Scim) -> None:
    assert (await _config(scim))["etag"]["supported"] is True
    user = await scim.create_user()
    path = f"/Users/{user['id']}"
    current = {"If-None-Match": user["meta"]["version"]}
    assert (await scim.get(path, headers=current)).status_code == 304
    refused(await scim.delete(path, headers={"If-Match": 'W/"x"'}), 412)


# ---- the claims of the schemas


async def test_every_published_attribute_can_be_written_unless_it_is_read_only(
    scim: Scim,
) -> None:
    """`mutability`, `multiValued` and `type` are what a client builds its requests from."""
    body: Resource = {"userName": "all"}
    for urn, place in ((USER, body), (ENTERPRISE, body.setdefault(ENTERPRISE, {}))):
        schema = shown(await scim.get(f"/Schemas/{urn}"))
        for attribute in schema["attributes"]:
            if attribute["mutability"] == "readWrite" and attribute["name"] != "userName":
                place[attribute["name"]] = _sample(attribute)

    user = created(await scim.post("/Users", body))

    assert own(user) == body


def _sample(attribute: Resource) -> object:
    """A value as the description asks for."""
    simple: Resource = {"boolean": True, "binary": "c29tZSBieXRlcw=="}
    value: object = simple.get(attribute["type"], f"some {attribute['name']}")
    if attribute["type"] == "complex":
        value = {
            part["name"]: _sample(part)
            for part in attribute["subAttributes"]
            if part["mutability"] == "readWrite"
        }
    return [value] if attribute["multiValued"] else value


async def test_case_exact_is_true(scim: Scim) -> None:
    """`caseExact` says how a filter compares."""
    schema = shown(await scim.get(f"/Schemas/{USER}"))
    texts = {
        attribute["name"]: attribute["caseExact"]
        for attribute in schema["attributes"]
        if attribute["type"] in {"string", "reference"} and attribute["mutability"] == "readWrite"
    }
    assert texts.pop("userName") is False
    await scim.create_user(**dict.fromkeys(texts, "MiXed"))
    for name, exact in texts.items():
        assert len(await scim.found("/Users", f'{name} eq "mixed"')) == (0 if exact else 1)
        assert len(await scim.found("/Users", f'{name} eq "MiXed"')) == 1


async def test_uniqueness_is_true(scim: Scim) -> None:
    """`uniqueness` is `server` for the names and nothing else."""
    schemas = listed(await scim.get("/Schemas"))["Resources"]
    unique = {
        f"{schema['name']}.{attribute['name']}"
        for schema in schemas
        for attribute in schema["attributes"]
        if attribute["uniqueness"] != "none"
    }
    assert unique == {"User.userName", "Group.displayName"}
    same: Resource = {"externalId": "x", "displayName": "X", "emails": [{"value": "a@b"}]}
    await scim.create_user("one", **same)
    await scim.create_user("two", **same)
