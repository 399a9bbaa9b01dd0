"""What is read of a request: query, paging, projection, conditions, the Tenant URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest

from shared.errors import InvalidFilter, InvalidValue
from shared.scim.core_schemas import USER
from shared.settings import Settings
from shared.web.requests import query_of, tenant_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.web.requests import ScimRequest

    RequestOf = Callable[..., ScimRequest]

URL = "https://scim.example.com/scim/v2/Users"


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("", {}),
        ("?", {}),
        ("?filter=", {"filter": ""}),
        ("?startINDEX=2&Count=5", {"startindex": "2", "count": "5"}),
        ("?count=1&COUNT=1&x=1&x=2", {"count": "1", "x": "1"}),
        ("?attributes=userName&Attributes=title,id", {"attributes": "userName,title,id"}),
        ("?excludedAttributes=x&excludedattributes=", {"excludedattributes": "x,"}),
        ("?filter=userName+eq+%22a%2Bb%22", {"filter": 'userName eq "a+b"'}),
        ("?filter=displayName%20eq%20%22R%26D%22", {"filter": 'displayName eq "R&D"'}),
        ("?filter=userName%20eq%20%22a+b@x%22", {"filter": 'userName eq "a+b@x"'}),
        ("?filter=userName%20eq%20%22a%2Bb%22", {"filter": 'userName eq "a+b"'}),
        ("?filter=userName+eq+%22a+b%22&x=%20", {"filter": 'userName eq "a b"', "x": " "}),
        ("?filter=userName+eq+%22a%2520b%22", {"filter": 'userName eq "a%20b"'}),
        ("?&&=x&a=b=c", {"a": "b=c"}),
        ("?aadOptscim062020", {"aadoptscim062020": ""}),
        ("?filter=userName+eq+%22%C3%A9%22", {"filter": 'userName eq "\u00e9"'}),
        ("?other=%FF", {"other": "\ufffd"}),
        ("?filter=100%", {"filter": "100%"}),
    ],
)
def test_the_query_is_read_from_the_url(query: str, read: dict[str, str]) -> None:
    assert query_of(URL + query) == read


@pytest.mark.parametrize("name", ["filter", "sortBy", "sortOrder", "startIndex", "COUNT", "cursor"])
def test_what_means_one_thing_is_sent_once(name: str) -> None:
    kind = InvalidFilter if name == "filter" else InvalidValue
    with pytest.raises(kind, match="was sent twice"):
        query_of(f"{URL}?{name}=1&{name.lower()}=2")
    assert query_of(f"{URL}?{name}=1&{name}=1") == {name.lower(): "1"}


@pytest.mark.parametrize("value", ["%FF%ED%A0%80", "userName+eq+%22Andr%E9%22", "a%20%E9"])
@pytest.mark.parametrize("name", ["filter", "sortBy", "attributes"])
def test_bytes_that_are_no_text_name_nobody_and_are_refused(name: str, value: str) -> None:
    kind = InvalidFilter if name == "filter" else InvalidValue
    with pytest.raises(kind, match="is not percent-encoded UTF-8"):
        query_of(f"{URL}?{name}={value}")


def test_the_projection_is_read_from_both_parameters(request_of: RequestOf) -> None:
    assert not request_of({"excludedattributes": "groups"}).projection(USER).includes("groups")
    only = request_of({"attributes": "userName", "excludedattributes": "id"}).projection(USER)
    assert only.includes("userName")
    assert not only.includes("groups")


def test_conditions_are_read_from_the_headers(request_of: RequestOf) -> None:
    assert request_of().precondition is None
    assert not request_of().has_already("7")
    assert request_of(headers={"if-none-match": "*"}).has_already("anything")


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"if-match": 'W/"7"'}, {"7"}),
        ({"if-match": "*"}, {"7", "8"}),
        ({"if-none-match": 'W/"7"'}, {"8"}),
        ({"if-none-match": "*"}, set()),
        ({"if-match": '"7", "8"', "if-none-match": '"7"'}, {"8"}),
        ({"if-match": 'W/"7"', "if-none-match": "*"}, set()),
    ],
)
def test_a_version_may_be_changed_that_both_conditions_allow(
    request_of: RequestOf, headers: dict[str, str], allowed: set[str]
) -> None:
    precondition = request_of(headers=headers).precondition
    assert precondition is not None
    assert {version for version in ("7", "8") if precondition(version)} == allowed


def test_a_location_is_below_the_tenant_url(request_of: RequestOf) -> None:
    request = request_of(tenant_url="https://x/tenants/acme/scim/v2")
    assert request.location("/Users", "7") == "https://x/tenants/acme/scim/v2/Users/7"


def incoming(url: str) -> func.HttpRequest:
    return func.HttpRequest("GET", url, body=b"")


@pytest.mark.parametrize(
    ("tenant", "expected"),
    [
        ("default", "https://scim.example.com/scim/v2"),
        ("acme", "https://scim.example.com/tenants/acme/scim/v2"),
    ],
)
def test_the_tenant_url_is_where_the_request_came_to(tenant: str, expected: str) -> None:
    assert tenant_url(incoming(f"{URL}?filter=x"), tenant, None) == expected


def test_a_port_belongs_to_the_tenant_url() -> None:
    request = incoming("http://127.0.0.1:7071/SCIM/V2/users/")
    assert tenant_url(request, "default", None) == "http://127.0.0.1:7071/scim/v2"


@pytest.mark.parametrize("host", ["[x", "[::1]:7071", "exam\u2100ple", "x:y"])
def test_a_host_that_is_none_is_no_fault(host: str) -> None:
    url = f"http://{host}/scim/v2/Users?count=1"
    assert tenant_url(incoming(url), "default", None) == f"http://{host}/scim/v2"
    assert query_of(url) == {"count": "1"}


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://id.example.com/", "https://id.example.com/tenants/acme/scim/v2"),
        ("https://api.example.com/id", "https://api.example.com/id/tenants/acme/scim/v2"),
    ],
)
def test_behind_a_gateway_the_tenant_url_is_the_gateways(base: str, expected: str) -> None:
    environ: dict[str, Any] = {
        "TABLE_ENDPOINT": "https://account.table.core.windows.net",
        "SCIM_BASE_URL": base,
    }
    public = Settings.from_environment(environ).base_url
    assert tenant_url(incoming(URL), "acme", public) == expected
