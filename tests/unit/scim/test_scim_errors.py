"""The family of errors and the body of an error answer (RFC 7644 section 3.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared import errors

if TYPE_CHECKING:
    from shared.errors import ScimError


@pytest.mark.parametrize(
    ("kind", "status", "scim_type"),
    [
        (errors.InvalidFilter, 400, "invalidFilter"),
        (errors.TooMany, 400, "tooMany"),
        (errors.InvalidSyntax, 400, "invalidSyntax"),
        (errors.InvalidPath, 400, "invalidPath"),
        (errors.NoTarget, 400, "noTarget"),
        (errors.InvalidValue, 400, "invalidValue"),
        (errors.Mutability, 400, "mutability"),
        (errors.Unauthorized, 401, None),
        (errors.Forbidden, 403, None),
        (errors.NotFound, 404, None),
        (errors.Uniqueness, 409, "uniqueness"),
        (errors.PreconditionFailed, 412, None),
        (errors.PayloadTooLarge, 413, None),
        (errors.UnsupportedMediaType, 415, None),
        (errors.TooManyRequests, 429, None),
        (errors.InternalError, 500, None),
        (errors.Unavailable, 503, None),
    ],
)
def test_each_error_bears_its_status_and_scim_type(
    kind: type[ScimError], status: int, scim_type: str | None
) -> None:
    error = kind("why", operation=2, path="title", retry_after=5)
    assert (error.status, error.scim_type) == (status, scim_type)
    assert (error.detail, error.operation, error.path, error.retry_after) == ("why", 2, "title", 5)
    assert str(error) == "why"


def test_the_body_has_the_status_as_a_string() -> None:
    assert errors.Uniqueness("The name is taken.").message() == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": "409",
        "scimType": "uniqueness",
        "detail": "The name is taken.",
    }


def test_the_body_of_an_error_without_a_scim_type_does_not_name_one() -> None:
    assert "scimType" not in errors.NotFound("There is no such user.").message()


def test_a_refused_method_tells_which_are_allowed() -> None:
    error = errors.MethodNotAllowed("Use GET.", allow=("GET", "HEAD"))
    assert (error.status, error.allow, error.operation) == (405, ("GET", "HEAD"), None)


def test_the_first_to_say_where_it_happened_is_believed() -> None:
    error = errors.InvalidValue("bad", path="emails.primary")
    error.locate(operation=1, path="emails")
    error.locate(operation=7)
    assert (error.operation, error.path) == (1, "emails.primary")
