"""Responses: status, headers and body of what goes back."""

from __future__ import annotations

import json

import pytest

from shared.errors import (
    Forbidden,
    InvalidFilter,
    MethodNotAllowed,
    NotFound,
    ScimError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from shared.web import responses
from shared.web.responses import ScimResponse

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


def test_a_resource_is_answered_with_its_version_and_its_place() -> None:
    resource = {"id": "7", "meta": {"version": 'W/"3"', "location": "https://x/Users/7"}}
    answer = responses.of_resource(201, resource, {"id": "7"})
    assert answer == ScimResponse(
        201, {"id": "7"}, {"ETag": 'W/"3"', "Location": "https://x/Users/7"}, "7"
    )


def test_no_content_has_a_version_where_something_is_left() -> None:
    assert responses.no_content("7", "3") == ScimResponse(
        204, headers={"ETag": 'W/"3"'}, resource_id="7"
    )
    assert responses.no_content("7") == ScimResponse(204, resource_id="7")


def test_not_modified_names_the_version() -> None:
    assert responses.not_modified("7", "3") == ScimResponse(304, None, {"ETag": 'W/"3"'}, "7")


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (Unauthorized("no"), {"WWW-Authenticate": "Bearer"}),
        (Unauthorized("no", challenge="Bearer x"), {"WWW-Authenticate": "Bearer x"}),
        (MethodNotAllowed("no", allow=("GET", "POST")), {"Allow": "GET, POST"}),
        (TooManyRequests("no", retry_after=10), {"Retry-After": "10"}),
        (Unavailable("no", retry_after=1), {"Retry-After": "1"}),
        (Unavailable("no"), {}),
        (Forbidden("no"), {}),
        (NotFound("no", path="userName", operation=3), {}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_brings_the_headers_that_go_with_it(
    error: ScimError, headers: dict[str, str]
) -> None:
    answer = responses.of_error(error)
    assert (answer.status, dict(answer.headers)) == (error.status, headers)
    assert answer.body == {"schemas": [ERROR], "status": str(error.status), "detail": "no"}


def test_an_error_names_its_scim_type() -> None:
    body = responses.of_error(InvalidFilter("no")).body
    assert body == {
        "schemas": [ERROR],
        "status": "400",
        "scimType": "invalidFilter",
        "detail": "no",
    }


def test_a_body_is_json_in_utf_8_without_needless_bytes() -> None:
    response = responses.to_http(ScimResponse(200, {"a": "ü", "b": [1, None]}), "the-id")
    assert response.get_body() == '{"a":"ü","b":[1,null]}'.encode()
    assert response.mimetype == "application/scim+json"
    assert response.headers["Request-Id"] == "the-id"


@pytest.mark.parametrize(
    "answer", [responses.no_content("7", "3"), responses.not_modified("7", "3")]
)
def test_an_answer_without_a_body_has_none_and_is_scim_all_the_same(answer: ScimResponse) -> None:
    response = responses.to_http(answer, "the-id")
    assert not response.get_body()
    assert response.mimetype == "application/scim+json"
    assert response.headers["ETag"] == 'W/"3"'


def test_an_answer_is_written_anew_each_time() -> None:
    answer = responses.of_error(Unauthorized("no"))
    one, other = (responses.to_http(answer, each) for each in ("one", "other"))
    assert (one.headers["Request-Id"], other.headers["Request-Id"]) == ("one", "other")
    assert json.loads(one.get_body()) == json.loads(other.get_body())
