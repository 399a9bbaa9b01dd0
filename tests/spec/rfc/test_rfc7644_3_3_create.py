"""RFC 7644 section 3.3: creating resources."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from scim2_models import Context, EnterpriseUser, Group, User

from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    GROUP,
    USER,
    Resource,
    Scim,
    created,
    own,
    refused,
    shown,
)

EVERY_ATTRIBUTE: Resource = {
    "externalId": "701984",
    "name": {
        "formatted": "Ms. Barbara J Jensen, III",
        "familyName": "Jensen",
        "givenName": "Barbara",
        "middleName": "Jane",
        "honorificPrefix": "Ms.",
        "honorificSuffix": "III",
    },
    "displayName": "Babs Jensen",
    "nickName": "Babs",
    "profileUrl": "https://login.example.com/bjensen",
    "title": "Tour Guide",
    "userType": "Employee",
    "preferredLanguage": "en-US",
    "locale": "en-US",
    "timezone": "America/Los_Angeles",
    "active": True,
    "emails": [
        {"value": "bjensen@example.com", "type": "work", "primary": True, "display": "Babs"},
        {"value": "babs@jensen.org", "type": "home"},
    ],
    "phoneNumbers": [{"value": "tel:555-555-5555", "type": "work"}],
    "ims": [{"value": "someaimhandle", "type": "aim"}],
    "photos": [
        {"value": "https://photos.example.com/profilephoto/72930000000Ccne/F", "type": "photo"}
    ],
    "addresses": [
        {
            "type": "work",
            "streetAddress": "100 Universal City Plaza",
            "locality": "Hollywood",
            "region": "CA",
            "postalCode": "91608",
            "country": "US",
            "formatted": "100 Universal City Plaza\nHollywood, CA 91608 USA",
        }
    ],
    "entitlements": [{"value": "gold", "type": "license"}],
    "roles": [{"value": "guide", "primary": False}],
    "x509Certificates": [{"value": "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAw"}],
    ENTERPRISE: {
        "employeeNumber": "701984",
        "costCenter": "4130",
        "organization": "Universal Studios",
        "division": "Theme Park",
        "department": "Tour Operations",
        "manager": {
            "value": "26118915-6090-4610-87e4-49d8ca9f808d",
            "$ref": "../Users/26118915-6090-4610-87e4-49d8ca9f808d",
        },
    },
}


@pytest.mark.rfc("7644-3.3-body", "7644-3.8-structures")
async def test_a_user_with_every_attribute_is_kept_whole(scim: Scim) -> None:
    """As in the full example of RFC 7643 section 8.3; read by a library that checks the schema."""
    user = await scim.create_user("bjensen@example.com", **EVERY_ATTRIBUTE)

    assert own(user) == {"userName": "bjensen@example.com", **EVERY_ATTRIBUTE}
    assert user == await scim.user(user["id"])
    read = User[EnterpriseUser].model_validate(user, scim_ctx=Context.RESOURCE_CREATION_RESPONSE)
    assert read.name is not None
    assert read.name.given_name == "Barbara"
    assert read[EnterpriseUser].department == "Tour Operations"


@pytest.mark.rfc("7644-3.3-created", "7644-3.3-location")
async def test_the_answer_says_where_the_resource_is(scim: Scim) -> None:
    answer = await scim.post("/Users", {"schemas": [USER], "userName": "ana"})
    user = created(answer)
    assert answer.headers["location"] == f"{scim.tenant_url}/Users/{user['id']}"
    assert answer.headers["etag"] == user["meta"]["version"] == 'W/"1"'
    assert user["meta"]["created"] == user["meta"]["lastModified"]


@pytest.mark.rfc("7644-3.3-readonly")
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_what_only_the_service_may_write_is_ignored(scim: Scim, endpoint: str) -> None:
    """RFC 7644 section 3.3: `readOnly` attributes of the client are passed over."""
    body = {
        "id": "0123456789abcdef0123456789abcdef",
        "meta": {"created": "2000-01-01T00:00:00Z", "location": "x", "version": 'W/"99"'},
        "groups": [{"value": "0123456789abcdef0123456789abcdef"}],
        "userName": "ana",
        "displayName": "Ana",
    }
    resource = created(await scim.post(endpoint, body))
    assert resource["id"] != body["id"]
    assert resource["meta"]["created"] > "2026"
    assert "groups" not in resource


async def test_a_group_is_created_with_its_members(scim: Scim) -> None:
    users = [(await scim.create_user(f"u{n}"))["id"] for n in range(3)]
    group = await scim.create_group("Sales", *users)

    Group.model_validate(group, scim_ctx=Context.RESOURCE_CREATION_RESPONSE)
    assert {member["value"] for member in group["members"]} == set(users)
    for member in group["members"]:
        assert member["$ref"] == f"{scim.tenant_url}/Users/{member['value']}"
        assert member["type"] == "User"
    shown_groups = (await scim.user(users[0]))["groups"]
    expected = {
        "value": group["id"],
        "$ref": f"{scim.tenant_url}/Groups/{group['id']}",
        "type": "direct",
    }
    assert shown_groups == [expected]


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("/Users", {"userName": ""}),
        ("/Users", {"userName": "   "}),
        ("/Users", {"userName": None}),
        ("/Users", {"userName": []}),
        ("/Users", {}),
        ("/Groups", {"displayName": ""}),
        ("/Groups", {}),
    ],
    ids=str,
)
async def test_a_required_attribute_must_be_there(scim: Scim, endpoint: str, body: Any) -> None:
    name = "userName" if endpoint == "/Users" else "displayName"
    schema = USER if endpoint == "/Users" else GROUP
    async with scim.unchanged():
        answer = await scim.post(endpoint, {"schemas": [schema], **body})
        assert name in refused(answer, 400, "invalidValue")


@pytest.mark.rfc("7644-3.3-conflict")
async def test_one_of_many_who_want_a_name_at_once_gets_it(scim: Scim) -> None:
    """RFC 7643 section 4.1.1: `userName` is unique, whatever its letter case."""
    spellings = ["ana@x.test", "ANA@x.test", "Ana@X.Test"] * 5
    answers = await asyncio.gather(
        *(scim.post("/Users", {"schemas": [USER], "userName": name}) for name in spellings)
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 14}
    assert len(await scim.everything()) == 1


@pytest.mark.rfc("7644-3.3-conflict")
async def test_one_of_many_groups_of_a_name_at_once_gets_it(scim: Scim) -> None:
    bodies = [{"schemas": [GROUP], "displayName": name} for name in ("Sales", "SALES") * 5]
    answers = await asyncio.gather(*(scim.post("/Groups", body) for body in bodies))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 9}
    assert len(await scim.everything()) == 1


async def test_external_ids_need_not_be_unique(scim: Scim) -> None:
    """RFC 7643 section 3.1: it is the client's own affair."""
    ids = {(await scim.create_user(f"u{n}", externalId="same"))["id"] for n in range(2)}
    assert set(await scim.found("/Users", 'externalId eq "same"')) == ids


@pytest.mark.parametrize("path", ["/Users/0123456789abcdef0123456789abcdef", "/Schemas", "/"])
async def test_a_post_elsewhere_is_not_allowed(scim: Scim, path: str) -> None:
    answer = await scim.post(path, {"schemas": [USER], "userName": "ana"})
    refused(answer, 405)
    assert "POST" not in answer.headers["allow"]
    assert "GET" in answer.headers["allow"]


async def test_the_projection_applies_to_the_answer(scim: Scim) -> None:
    """RFC 7644 section 3.9."""
    answer = await scim.post("/Users?attributes=title", {"userName": "ana", "title": "T"})
    user = answer.json()
    assert (answer.status_code, user.keys()) == (201, {"schemas", "id", "title"})
    assert shown(await scim.get(f"/Users/{user['id']}"))["userName"] == "ana"
