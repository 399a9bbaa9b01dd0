"""The vendor's staff as in production: signed in by the platform, and nobody else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from portal.pages import PAGES
from portal.routes import PORTAL_ROUTES
from portal.staff import PLATFORM_SIGN, PRINCIPAL
from shared.portal_codes import PATH
from tests.support.fixtures.portal_visitor import form_in, text_of
from tests.support.fixtures.staff import (
    ID,
    ROLE,
    SIGN_IN,
    SIGNED_IN,
    Staff,
    claims,
    principal,
    staff_at,
)
from tests.support.production import PUBLIC, TOKEN, Azure, Deployed, bearer, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL = "/portal/tenants"
ALL_WEBHOOKS = "/portal/webhooks"
ACME = f"{ALL}/acme"
LINKS, REVOKE = f"{ACME}/setup-links", f"{ACME}/setup-links/revoke"
THEN = "look-up/{type}/{id}/then"
QUERIES = {
    "activity": ("", "?outcome=refused", "?who=ana@staff.test"),
    "activity/export": ("?format=csv", "?format=ndjson"),
    "connect": ("", "?provider=okta", "?provider=other"),
    "connect/mapping": ("", "?provider=okta"),
    "guard": ("", "?decide=undo", "?page=2"),
    "look-up": ("", "?q=ana@staff.test", "?q=nobody"),
    THEN: ("", "?at={now}", "?at={early}&until={now}", "?at={early}", "?at=2999-01-01T00:00"),
    "why": ("", "?q=ana@staff.test", "?q=nobody"),
}
"""What pages are asked for besides their paths."""


def pages_of_a_tenant() -> Iterator[str]:
    """Every page that staff see at a tenant, by the routes of the portal."""
    for route in PORTAL_ROUTES:
        page = PAGES[route.name]
        if getattr(page, "is_of_tenant", False) and "GET" in getattr(page, "methods", ()):
            path = route.path.removeprefix("portal").removeprefix("/")
            if "*" not in path:
                yield from (path + query for query in QUERIES.get(path, ("",)))


@pytest.fixture(scope="session")
async def provisioned(staffed_app: Deployed) -> dict[str, str]:
    """Have somebody, a group and a refusal at a tenant; what the paths of its pages hold."""
    root, headers = "/tenants/acme/scim/v2", bearer(f"{TOKEN}-of-acme")
    early = datetime.now(UTC)

    async def create(kind: str, status: int = 201, **body: Any) -> str:
        made = await staffed_app.client.post(f"{root}/{kind}", headers=headers, json=body)
        assert made.status_code == status, made.text
        return str(made.json().get("id"))

    ana = await create("Users", userName="ana@staff.test", displayName="Ana", costCentre="7")
    group = await create("Groups", displayName="Sales", members=[{"value": ana}])
    await create("Users", status=400, userName="hal@staff.test", active="perhaps")
    times = {"early": early, "now": datetime.now(UTC)}
    return {
        "type": "group",
        "id": group,
        **{name: f"{time:%Y-%m-%dT%H:%M:%S.%fZ}" for name, time in times.items()},
    }


async def test_staff_see_all_tenants(staff: Staff) -> None:
    page = await staff.page(ALL)
    assert "2 tenants" in page
    assert "acme" in page
    assert "default" in page


async def test_all_tenants_show_how_many_users_are_active(
    staff: Staff, staffed_app: Deployed
) -> None:
    body = {"userName": "bo@staff.test", "active": False}
    made = await staffed_app.client.post("/scim/v2/Users", headers=bearer(TOKEN), json=body)
    assert made.status_code == 201, made.text
    shown = re.compile(r"(\d+) users?, \d+ groups? active: (\d+), disabled: (\d+)")
    numbers = [[*map(int, each)] for each in shown.findall(await staff.page(ALL))]
    assert all(users == active + disabled for users, active, disabled in numbers)
    assert sum(disabled for *_, disabled in numbers) == 1


@pytest.mark.parametrize("page", [*pages_of_a_tenant()])
async def test_staff_see_every_page_of_a_tenant_and_stay_there(
    staff: Staff, provisioned: dict[str, str], page: str
) -> None:
    shown = await staff.get(f"{ACME}/{page.format(**provisioned)}")
    assert shown.status_code in {200, 303}, text_of(shown)
    assert shown.headers.get("location", ACME).startswith(ACME)
    links = re.findall(r"""[="' ](/portal[^"' >]*)""", shown.text)
    stray = [each for each in links if not each.startswith((f"{ACME}/", "/portal/static/"))]
    assert set(stray) <= {ALL, ACME, ALL_WEBHOOKS}


def test_pages_of_every_kind_are_among_those() -> None:
    paths = {page.partition("?")[0] for page in pages_of_a_tenant()}
    assert {"", "connect/mapping", "roles", "setup-links", "watch/live", "why", THEN} <= paths
    assert not paths & {"open", "static/{name}", "tenants", "sign-out"}
    assert QUERIES.keys() <= paths


async def test_what_a_page_leads_on_to_is_of_the_tenant(staff: Staff) -> None:
    assert (await staff.get(ACME)).headers["location"] == f"{ACME}/connect"
    assert (await staff.get(f"{ALL}/ACME/")).headers["location"] == f"{ACME}/connect"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (f"{ALL}/nobody/connect", "There is no such tenant"),
        (f"{ALL}/scratch--staff/watch", "There is no such page"),
        (f"{ALL}/a--b/watch", "There is no such page"),
        (f"{ACME}/nothing", "There is no such page"),
        (f"{ACME}/open", "There is no such page"),
        (f"{ACME}/tenants", "There is no such page"),
        (f"{ACME}/tenants/acme/watch", "There is no such page"),
        (f"{ACME}/look-up/user/x", "There is no such page"),
    ],
)
async def test_what_is_not_there_is_said(staff: Staff, path: str, says: str) -> None:
    refused = await staff.get(path)
    assert (refused.status_code, says in text_of(refused)) == (404, True), text_of(refused)


NOT_SIGNED_IN: dict[str, dict[str, str]] = {
    "nobody": {},
    "another-provider": principal(claims(ROLE), provider="github"),
    "no-provider": {k: v for k, v in SIGNED_IN.items() if not k.endswith("idp")},
    "no-base64": {**SIGNED_IN, PRINCIPAL: "%%%"},
    "no-json": {**SIGNED_IN, PRINCIPAL: "AAAA"},
    "twice": {
        **SIGNED_IN,
        PRINCIPAL: ",".join([SIGNED_IN["x-ms-client-principal"]] * 2),
    },
    "no-claims": principal(None),
    "claims-of-odd-types": principal([1, None, [], {"typ": 1, "val": ROLE}, {"typ": "roles"}]),
    "no-id": principal([{"typ": "roles", "val": ROLE}]),
    "id-that-is-none": principal(claims(ROLE, object_id="../../x\n")),
}


@pytest.mark.parametrize("headers", NOT_SIGNED_IN.values(), ids=NOT_SIGNED_IN)
@pytest.mark.parametrize("path", [ALL, ALL_WEBHOOKS, f"{ACME}/watch", f"{ALL}/nobody/watch"])
async def test_who_has_not_signed_in_is_led_to_do_so(
    staffed_app: Deployed, headers: dict[str, str], path: str
) -> None:
    async with staff_at(staffed_app, headers) as stranger:
        refused = await stranger.get(path)
        assert (refused.status_code, "acme" in text_of(refused)) == (401, False)
        (link,) = re.findall(r'href="(/\.auth[^"]+)"', refused.text)
        back = path.replace("/", "%2F")
        assert link == f"/.auth/login/aad?post_login_redirect_uri={back}"
        assert "set-cookie" not in refused.headers


async def test_the_sign_in_leads_back_to_a_page_of_the_portal_alone(staffed_app: Deployed) -> None:
    async with staff_at(staffed_app, {}) as stranger:
        for query in ("post_login_redirect_uri=https://evil.example", "next=//evil.example"):
            page = (await stranger.get(f"{ALL}?{query}")).text
            assert "evil" not in re.findall(r'href="(/\.auth[^"]+)"', page)[0]


@pytest.mark.parametrize("roles", [(), ("Scim.Portal",), (ROLE.lower(),), (f"{ROLE} ",)])
async def test_who_has_not_the_role_sees_nothing(
    staffed_app: Deployed, roles: tuple[str, ...]
) -> None:
    async with staff_at(staffed_app, principal(claims(*roles))) as stranger:
        for path in (ALL, ALL_WEBHOOKS, f"{ACME}/connect", f"{ALL}/nobody/connect"):
            refused = await stranger.get(path)
            assert (refused.status_code, "has not the role" in text_of(refused)) == (403, True)


async def test_the_role_counts_under_the_names_of_its_claim_alone(staffed_app: Deployed) -> None:
    long = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
    for type_, status in (("roles", 200), (long, 200), ("role", 403), ("groups", 403)):
        async with staff_at(staffed_app, principal(claims(ROLE, type_=type_))) as member:
            assert (await member.get(ALL)).status_code == status, type_


@pytest.mark.parametrize(
    ("without", "status"),
    [(PLATFORM_SIGN, 503), ("SCIM_PORTAL_STAFF", 404), ("SCIM_PORTAL", 404)],
)
async def test_headers_are_not_believed_where_the_platform_does_not_vouch_for_them(
    staffed_azure: Azure, without: str, status: int
) -> None:
    settings = {name: each for name, each in SIGN_IN.items() if name != without}
    async with (
        deployed({**staffed_azure.settings, **settings}) as running,
        staff_at(running) as forger,
    ):
        for path in (ALL, ALL_WEBHOOKS, f"{ACME}/watch"):
            refused = await forger.http.get(path, headers=SIGNED_IN)
            assert refused.status_code == status
            assert "acme" not in refused.text.replace(path, "")


async def test_headers_open_nothing_else(staffed_app: Deployed) -> None:
    """SCIM, the API and the pages of customers take what they took before."""
    for path, status in (
        ("/scim/v2/Users", 401),
        ("/api/v1/tenants", 401),
        ("/portal/watch", 401),
        ("/portal/roles", 401),
        ("/portal/setup-links", 401),
    ):
        assert (await staffed_app.client.get(path, headers=SIGNED_IN)).status_code == status, path
    with_token = {**SIGNED_IN, **bearer(TOKEN)}
    assert (await staffed_app.client.get("/scim/v2/Users", headers=with_token)).status_code == 200


WATCH = {"right_watch": "on", "days": "7"}


async def make_link(staff: Staff, **fields: str) -> tuple[str, str]:
    """Make a setup link; the link, and its beginning in the list."""
    made = await staff.send(LINKS, LINKS, **{**WATCH, **fields})
    assert made.status_code == 200, text_of(made)
    found = re.search(r'id="made-link"[^>]*value="([^"]+)"', made.text)
    assert found, text_of(made)
    return found[1], found[1].split(".")[-2][:8]


async def test_a_link_that_staff_make_is_shown_once_and_opens_the_portal(
    staffed_app: Deployed, staff: Staff
) -> None:
    link, beginning = await make_link(staff)
    assert link.startswith(f"{PUBLIC}{PATH}#acme.")
    page = await staff.get(LINKS)
    assert beginning in text_of(page)
    assert f"staff/{ID}" in text_of(page), "who made it"
    assert link not in page.text
    opened = await staffed_app.client.post(PATH, data={"link": link})
    assert opened.status_code == 303


async def test_a_customer_sees_no_page_of_staff(staffed_app: Deployed, staff: Staff) -> None:
    link, _ = await make_link(staff, right_rotate="on", right_connect="on")
    cookie = (await staffed_app.client.post(PATH, data={"link": link})).headers["set-cookie"]
    sent = {"Cookie": cookie.partition(";")[0]}
    for path in ("/portal/roles", "/portal/setup-links"):
        refused = await staffed_app.client.get(path, headers=sent)
        assert (refused.status_code, "for the staff" in text_of(refused)) == (403, True)
    assert (await staffed_app.client.get(ALL, headers=sent)).status_code == 401
    assert "All tenants" not in (await staffed_app.client.get("/portal/watch", headers=sent)).text


async def test_staff_revoke_a_link(staffed_app: Deployed, staff: Staff) -> None:
    link, _ = await make_link(staff)
    link_id = link.split(".")[-2]
    form = form_in((await staff.get(LINKS)).text, REVOKE)
    revoked = await staff.post(REVOKE, {**form, "link": link_id})
    assert (revoked.status_code, revoked.headers["location"]) == (303, f"{LINKS}?done=revoked")
    assert (await staffed_app.client.post(PATH, data={"link": link})).status_code == 410


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"days": "7"}, 400, "No link was made"),
        ({"right_watch": "on", "days": "8"}, 400, "No link was made"),
        ({"right_watch": "on"}, 400, "No link was made"),
        (
            {**WATCH, "return_url": "http://app.example.com/"},
            400,
            "lead back",
        ),
        (
            {**WATCH, "return_url": "https://evil.example"},
            400,
            "lead back",
        ),
    ],
)
async def test_a_link_that_makes_no_sense_is_not_made(
    staff: Staff, fields: dict[str, str], status: int, says: str
) -> None:
    refused = await staff.send(LINKS, LINKS, **fields)
    assert (refused.status_code, says in text_of(refused)) == (status, True)


async def test_the_portal_leads_back_to_the_product(staffed_app: Deployed, staff: Staff) -> None:
    url = "https://app.example.com/settings?tab=sso&x=1#here"
    link, _ = await make_link(staff, return_url=url)
    cookie = (await staffed_app.client.post(PATH, data={"link": link})).headers["set-cookie"]
    page = await staffed_app.client.get(
        "/portal/watch", headers={"Cookie": cookie.partition(";")[0]}
    )
    assert f'<a href="{url.replace("&", "&amp;")}" rel="noreferrer">Back to' in page.text


async def test_a_form_is_bound_to_the_browser_the_person_and_the_tenant(
    staffed_app: Deployed, staff: Staff
) -> None:
    form = {**form_in((await staff.get(LINKS)).text, LINKS), "right_watch": "on", "days": "7"}
    other = f"{ALL}/default/setup-links"
    assert (await staff.post(other, form)).status_code == 403
    somebody = principal(claims(ROLE, object_id=ID.replace("a11a", "b0bb")))
    for headers, cookies in ((somebody, staff.cookies), (SIGNED_IN, {})):
        async with staff_at(staffed_app, headers) as another:
            another.cookies.update(cookies)
            assert (await another.post(LINKS, form)).status_code == 403
    foreign = await staff.post(LINKS, form, {"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    assert (await staff.post(LINKS, {**form, "csrf": ""})).status_code == 403
    assert (await staff.post(LINKS, form)).status_code == 200


async def test_the_cookie_of_forms_is_kept_from_scripts_and_from_plain_http(staff: Staff) -> None:
    cookie = (await staff.get(ALL)).headers["set-cookie"]
    name, *parts = (part.strip() for part in cookie.split(";"))
    assert re.fullmatch(r"__Host-portal-staff=[\w-]{43}", name)
    assert set(parts) == {"Path=/", "Max-Age=28800", "HttpOnly", "SameSite=Lax", "Secure"}
    assert "set-cookie" not in (await staff.get(ALL)).headers


async def test_whoever_signs_out_is_signed_out_by_the_platform(staff: Staff) -> None:
    for page, action in (
        (ALL, "/portal/staff/sign-out"),
        (f"{ACME}/watch", f"{ACME}/sign-out"),
    ):
        out = await staff.send(page, action)
        assert out.headers["location"] == (
            "/.auth/logout?post_logout_redirect_uri=%2Fportal%2Ftenants"
        )
        assert "Max-Age=0" in out.headers["set-cookie"]


async def test_log_and_activity_name_staff_by_their_id(staffed_app: Deployed, staff: Staff) -> None:
    shown = await staff.get(f"{ACME}/watch")
    line = rf'^.*"request": "{shown.headers["request-id"]}".*$'
    written = (await staffed_app.log.until_matched(line))[0]
    assert f'"staff/{ID}"' in written
    assert '"acme"' in written
    assert "Sam" not in written
    await make_link(staff)
    assert f"staff/{ID}" in await staff.page(f"{ACME}/activity")


async def test_the_name_of_a_person_is_text(staff: Staff) -> None:
    assert "Sam &lt;b&gt;Staff" in (await staff.get(ALL)).text


async def test_a_header_that_is_too_large_is_refused(staffed_app: Deployed) -> None:
    huge: dict[str, Any] = principal([*claims(ROLE), {"typ": "x", "val": "y" * 1_000_000}])
    async with staff_at(staffed_app, huge) as stranger:
        refused = await stranger.http.get(ALL, headers=huge)
        assert refused.status_code in {400, 401, 431}
        assert "acme" not in refused.text
