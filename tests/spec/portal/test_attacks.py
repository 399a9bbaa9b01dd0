"""What a session must not do: read or change another tenant, or take a form from elsewhere.

The pages and forms are those of the table of routes, so that a new one is held to the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from portal.pages import PAGES
from portal.routes import PORTAL_ROUTES
from tests.spec.portal.test_webhooks import created
from tests.support.fixtures.portal_visitor import form_in, hold_page, text_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import httpx

    from tests.support.fixtures.office import Office
    from tests.support.fixtures.portal_visitor import Visitor
    from tests.support.fixtures.scim_client import Scim

NAME = "Secretive Person"
GROUP = "Secretive Group"
NOBODY = "0" * 32
USER_NAME = "secretive@contoso.test"
NOT_TAKEN = "It does not come from a page of this session"


def routes(method: str, *audiences: str) -> list[str]:
    """The paths of the pages that take a method, by whose pages they are."""
    paths = []
    for route in PORTAL_ROUTES:
        page: Any = PAGES[route.name]
        if method not in getattr(page, "methods", ()) or page.is_open or "*" in route.path:
            continue
        if page.audience in audiences:
            paths.append(f"/{route.path}")
    return paths


def name_of(scim: Scim) -> str:
    return scim.tenant_url.split("/")[4]


@dataclass(frozen=True, slots=True)
class Other:
    """A tenant that the visitor has no business with.

    Attributes:
        name: its name.
        user: the id of its user.
        group: the id of its group.
        link: the id of a setup link of it.
        version: the version of its token.
    """

    name: str
    user: str
    group: str
    link: str
    version: str


@pytest.fixture
async def other(office: Office) -> Other:
    scim = office.new_tenant()
    user = await scim.create_user(USER_NAME, displayName=NAME, active=True)
    group = await scim.create_group(GROUP, user["id"])
    async with office.customer(name_of(scim), "connect", "rotate") as customer:
        link, _ = await customer.make_link()
        # The token of the settings has the same version at each tenant; one that is drawn has not.
        await customer.send("/portal/connect", "/portal/tokens")
        page = (await customer.get("/portal/connect")).text
        version = form_in(page, "/portal/tokens")["newest"]
    return Other(name_of(scim), user["id"], group["id"], link, version)


@pytest.fixture
async def customer(office: Office) -> AsyncIterator[Visitor]:
    scim = office.new_tenant()
    await scim.create_user("ana@contoso.test")
    async with office.customer(name_of(scim), "connect", "rotate", "watch") as visitor:
        yield visitor


@pytest.fixture
async def staff(office: Office) -> AsyncIterator[Visitor]:
    async with office.staff() as member:
        yield member


def reached(path: str, other: Other) -> Iterator[str]:
    """The page, with everything by which it could be led to another tenant."""
    for kind, resource in (("user", other.user), ("group", other.group)):
        for value in dict.fromkeys((resource, other.link, USER_NAME, GROUP)):
            query = f"?q={value}&who={value}&tenant={other.name}&id={value}&at=2000-01-01T00:00:00Z"
            yield path.format(type=kind, id=resource) + query


@pytest.mark.parametrize("path", routes("GET", "customers"))
async def test_no_page_shows_anything_of_another_tenant(
    customer: Visitor, other: Other, path: str
) -> None:
    for address in reached(path, other):
        shown = await customer.http.get(address, headers={"X-Tenant": other.name})
        if shown.headers["content-type"].startswith("text/html"):
            hold_page(shown)
        assert shown.status_code in {200, 303, 400, 404}, address
        assert NAME not in shown.text
        for resource in (other.user, other.group) if "{id}" in path else ():
            nobodys = await customer.http.get(address.replace(resource, NOBODY))
            assert shown.status_code == nobodys.status_code, address
            told = text_of(shown).replace(resource, NOBODY)
            assert without_request(told) == without_request(text_of(nobodys))


@pytest.mark.parametrize("path", ["", *routes("GET", "customers", "staff")])
async def test_a_customer_has_no_page_of_staff(customer: Visitor, other: Other, path: str) -> None:
    for tenant in (other.name, customer.tenant):
        inner = path.removeprefix("/portal").format(type="user", id=other.user)
        refused = await customer.get(f"/portal/tenants/{tenant}{inner}")
        assert refused.status_code == 401
        assert NAME not in refused.text


@pytest.mark.parametrize("path", routes("GET", "staff", "no_tenant"))
async def test_what_is_for_staff_is_not_shown_to_customers(customer: Visitor, path: str) -> None:
    refused = await customer.get(path.format(id="0" * 32))
    assert refused.status_code in {401, 403}


@pytest.mark.parametrize(
    ("action", "fields"),
    [("/portal/tokens/revoke", ("version",)), ("/portal/tokens", ("newest",))],
)
async def test_a_form_with_ids_of_another_tenant_changes_nothing_there(
    customer: Visitor, other: Other, office: Office, action: str, fields: tuple[str, ...]
) -> None:
    before = await activity_of(office, other)
    form = {"csrf": await csrf_of(customer), **dict.fromkeys(fields, other.version)}
    sent = await customer.http.post(action, data={**form, "tenant": other.name})
    assert sent.status_code in {404, 409}, text_of(sent)
    assert await activity_of(office, other) == before


async def test_staff_revoke_no_link_of_another_tenant_than_that_of_the_page(
    staff: Visitor, other: Other, office: Office, customer: Visitor
) -> None:
    home = f"/portal/tenants/{customer.tenant}"
    csrf = await csrf_of(staff, f"{home}/setup-links")
    form = {"csrf": csrf, "link": other.link}
    sent = await staff.http.post(f"{home}/setup-links/revoke", data=form)
    assert sent.status_code == 404, text_of(sent)
    page = (await staff.get(f"/portal/tenants/{other.name}/setup-links")).text
    assert form_in(page, f"/portal/tenants/{other.name}/setup-links/revoke")


async def activity_of(office: Office, other: Other) -> str:
    async with office.staff() as member:
        page = await member.page(f"/portal/tenants/{other.name}/activity")
    return without_request(page)


def without_request(text: str) -> str:
    return re.sub(r"Request \S+ $", "", text)


async def csrf_of(visitor: Visitor, page: str = "/portal/connect") -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', (await visitor.get(page)).text)
    assert found
    return found[1]


# --- forms from elsewhere


async def refused_forms(
    visitor: Visitor, action: str, own: str, foreign: list[str]
) -> list[httpx.Response]:
    """Send a form with everything but what a page of this session has."""
    answers = [
        await visitor.http.post(action, data={"csrf": csrf, "action": "pause"})
        for csrf in ("", "A" * 43, own[:-1], f"{own} ", *foreign)
    ]
    answers.append(await visitor.http.post(action, data={"action": "pause"}))
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site}
        answers += [await visitor.http.post(action, data={"csrf": own}, headers=headers)]
    return answers


@pytest.mark.parametrize("action", routes("POST", "customers"))
async def test_a_form_of_a_customer_comes_from_a_page_of_the_session(
    office: Office, customer: Visitor, other: Other, action: str
) -> None:
    own, foreign = await csrf_of(customer), []
    for tenant in (other.name, customer.tenant):
        async with office.customer(tenant, "connect") as another:
            foreign.append(await csrf_of(another))
    for answer in await refused_forms(customer, action, own, foreign):
        hold_page(answer)
        assert (answer.status_code, NOT_TAKEN in text_of(answer)) == (403, True)
    assert await csrf_of(customer) == own, "the session goes on"


@pytest.mark.parametrize("action", routes("POST", "customers", "staff", "no_tenant"))
async def test_a_form_of_staff_comes_from_a_page_of_the_session_and_tenant(
    office: Office, staff: Visitor, other: Other, action: str
) -> None:
    endpoint = (await created(office, tenants=[other.name]))["id"]
    home = f"/portal/tenants/{other.name}"
    of_no_tenant = action in {*routes("POST", "no_tenant")}
    path = action.format(id=endpoint) if of_no_tenant else home + action.removeprefix("/portal")
    page = "/portal/tenants" if of_no_tenant else f"{home}/connect"
    own = await csrf_of(staff, page)
    elsewhere = f"{home}/connect" if of_no_tenant else "/portal/tenants"
    foreign = [await csrf_of(staff, elsewhere)]
    async with office.staff() as another:
        foreign.append(await csrf_of(another, page))
    for answer in await refused_forms(staff, path, own, foreign):
        hold_page(answer)
        assert (answer.status_code, NOT_TAKEN in text_of(answer)) == (403, True), path
    assert await csrf_of(staff, page) == own, "the session goes on"
    await office.webhooks("DELETE", f"/{endpoint}")


def test_every_form_of_the_portal_is_among_those() -> None:
    sent = {*routes("POST", "customers", "staff", "no_tenant")}
    assert {"/portal/tokens", "/portal/roles", "/portal/webhooks/{id}"} <= sent
    open_ones = {
        route.path
        for route in PORTAL_ROUTES
        if getattr(PAGES[route.name], "is_open", False) and route.path != "portal/static/{name}"
    }
    assert open_ones == {"portal/open"}, (
        "where a form needs no session, it is held to its own tests"
    )


# --- the same form again


async def test_a_token_is_drawn_once_though_its_form_is_sent_again(customer: Visitor) -> None:
    form = form_in((await customer.get("/portal/connect")).text, "/portal/tokens")
    drawn = await customer.http.post("/portal/tokens", data=form)
    assert drawn.status_code == 200
    again = await customer.http.post("/portal/tokens", data=form)
    assert (again.status_code, "No token was drawn now" in text_of(again)) == (409, True)


async def test_a_token_is_revoked_once_though_its_form_is_sent_again(customer: Visitor) -> None:
    for _ in range(2):
        await customer.send("/portal/connect", "/portal/tokens")
    form = form_in((await customer.get("/portal/connect")).text, "/portal/tokens/revoke")
    for _ in range(2):
        sent = await customer.http.post("/portal/tokens/revoke", data=form)
        assert (sent.status_code, sent.headers["location"].partition("?")[2]) == (
            303,
            "done=revoked#tokens",
        )
    page = await customer.page("/portal/activity")
    assert page.count("Revoked a secret token") == 1


async def test_a_link_is_made_once_though_its_form_is_sent_again(
    staff: Visitor, other: Other
) -> None:
    links = f"/portal/tenants/{other.name}/setup-links"
    form = {**form_in((await staff.get(links)).text, links), "right_watch": "on", "days": "7"}
    made = await staff.http.post(links, data=form)
    assert made.status_code == 200
    again = await staff.http.post(links, data=form)
    assert (again.status_code, "No link was made now" in text_of(again)) == (409, True)


async def test_an_entry_of_the_role_map_is_added_once_though_its_form_is_sent_again(
    staff: Visitor, other: Other
) -> None:
    roles = f"/portal/tenants/{other.name}/roles"
    hidden = form_in((await staff.get(roles)).text, f"{roles}?page=1")
    form = {**hidden, "by": "name", "group": "Sales", "role": "seller", "priority": "10"}
    answers = [(await staff.http.post(roles, data=form)).status_code for _ in range(2)]
    assert answers == [303, 400]
    assert "1 entry" in await staff.page(roles)


async def test_who_has_signed_out_sends_nothing_from_another_tab(customer: Visitor) -> None:
    form = form_in((await customer.get("/portal/connect")).text, "/portal/tokens")
    cookies = dict(customer.http.cookies)
    await customer.send("/portal/watch", "/portal/sign-out")
    customer.http.cookies.update(cookies)
    sent = await customer.http.post("/portal/tokens", data=form)
    assert (sent.status_code, "The session is over" in text_of(sent)) == (401, True)
