"""RFC 7644 section 3.12: errors.

Every error of every test is held to the shape (`tests/support/fixtures/scim_client.py`); here stand
the statuses and the values of `scimType` that a client can meet, each as a library reads it.
"""

from typing import Any

import pytest
from scim2_models import Error

from tests.support.fixtures.scim_client import Resource, Scim, refused

NOBODY = "0123456789abcdef0123456789abcdef"

ERRORS: dict[str, tuple[str, str, Any, dict[str, str | None], int, str | None]] = {
    "invalidFilter": ("GET", "/Users?filter=userName", None, {}, 400, "invalidFilter"),
    "uniqueness": ("POST", "/Users", {"userName": "ana@contoso.test"}, {}, 409, "uniqueness"),
    "invalidSyntax": ("POST", "/Users", [], {}, 400, "invalidSyntax"),
    "invalidPath": (
        "PATCH",
        "/Users/{user}",
        {"Operations": [{"op": "add", "path": "emails[", "value": "x"}]},
        {},
        400,
        "invalidPath",
    ),
    "noTarget": ("PATCH", "/Users/{user}", {"Operations": [{"op": "remove"}]}, {}, 400, "noTarget"),
    "invalidValue": ("POST", "/Users", {"userName": {"x": 1}}, {}, 400, "invalidValue"),
    "unauthorized": ("GET", "/Users", None, {"Authorization": None}, 401, None),
    "forbidden": ("GET", "/Schemas?filter=id+pr", None, {}, 403, None),
    "not found": ("GET", f"/Users/{NOBODY}", None, {}, 404, None),
    "no such path": ("GET", "/Nothing", None, {}, 404, None),
    "method not allowed": ("DELETE", "/Users", None, {}, 405, None),
    "precondition": (
        "PUT",
        "/Users/{user}",
        {"userName": "x"},
        {"If-Match": 'W/"99"'},
        412,
        None,
    ),
    "too large": ("POST", "/Users", {"userName": "x" * 1_048_576}, {}, 413, None),
}


@pytest.mark.rfc("7644-3.12-body", "7644-3.12-status", "7644-3.12-statuses")
@pytest.mark.parametrize("case", [*ERRORS.values()], ids=[*ERRORS])
async def test_a_refusal_has_its_status_and_type_and_says_what_to_change(
    scim: Scim, case: tuple[str, str, Any, dict[str, str | None], int, str | None]
) -> None:
    method, path, body, headers, status, scim_type = case
    user = await scim.create_user()
    async with scim.unchanged():
        path = path.format(user=user["id"])
        answer = await scim.request(method, path, body, headers=headers)

        detail = refused(answer, status, scim_type)
        error = Error.model_validate(answer.json())
        assert (error.status, error.scim_type, error.detail) == (status, scim_type, detail)


async def test_an_error_repeats_no_value_of_the_client(scim: Scim) -> None:
    """What is quoted in an error ends in the client's log, and may be personal."""
    secret = "Zuleika-McGillicuddy"
    user = await scim.create_user()
    path = f"/Users/{user['id']}"
    bodies: list[Resource] = [
        {"op": "replace", "path": "active", "value": secret},
        {"op": "replace", "path": "name", "value": secret},
        {"op": secret, "path": "title", "value": "x"},
        {"op": "replace", "path": f'emails[value eq "{secret}"', "value": "x"},
        {"op": "replace", "path": f'emails[value ne "{secret}"].display', "value": "x"},
    ]
    for body in bodies:
        answer = await scim.patch(path, body)
        assert answer.status_code == 400
        assert secret not in answer.text
    answer = await scim.post("/Users", {"userName": "ANA@contoso.test"})
    assert "contoso" not in answer.text.lower()
    answer = await scim.get(f"/Users?filter=active+eq+%22{secret}%22")
    assert secret not in answer.text
