"""The way into the portal: a setup link opens it once, and whatever does not is said kindly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.fixtures.portal_visitor import Visitor, form_in, hold_page, text_of

if TYPE_CHECKING:
    from tests.support.fixtures.service import RunningService

PAGES = (
    "/portal",
    "/portal/connect",
    "/portal/connect/mapping",
    "/portal/watch",
    "/portal/watch/live",
    "/portal/activity",
    "/portal/activity/export?format=csv",
    "/portal/look-up",
    f"/portal/look-up/user/{'0' * 32}",
    "/portal/why?q=ana",
)


async def test_a_link_leads_to_a_page_that_any_program_may_load(visitor: Visitor) -> None:
    _, link = await visitor.make_link()
    page = await visitor.get(link.partition("#")[0])
    assert page.status_code == 200
    assert "set-cookie" not in page.headers
    assert (await visitor.open_link(link)).status_code == 303


async def test_an_opening_begins_a_session_of_eight_hours(visitor: Visitor) -> None:
    _, link = await visitor.make_link()
    opened = await visitor.open_link(link)
    assert (opened.status_code, opened.headers["location"]) == (303, "/portal")
    cookie = opened.headers["set-cookie"]
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        "Path=/",
        "Max-Age=28800",
        "HttpOnly",
        "SameSite=Strict",
    }
    assert (await visitor.get("/portal")).headers["location"] == "/portal/connect"


async def test_a_link_that_was_opened_says_so(visitor: Visitor) -> None:
    _, link = await visitor.make_link()
    await visitor.open_link(link)
    again = await visitor.open_link(link)
    hold_page(again)
    assert again.status_code == 410
    assert "was opened already" in text_of(again)
    assert "What to do:" in text_of(again)


async def test_a_revoked_link_says_so_and_ends_its_session(visitor: Visitor) -> None:
    link_id, link = await visitor.make_link()
    await visitor.open_link(link)
    await visitor.revoke_link(link_id)
    over = await visitor.get("/portal/connect")
    assert (over.status_code, "session is over" in text_of(over)) == (401, True)
    again = await visitor.open_link(link)
    assert (again.status_code, "was revoked" in text_of(again)) == (410, True)


async def test_a_guess_is_answered_alike_whatever_is_there(visitor: Visitor) -> None:
    _, link = await visitor.make_link()
    head, _, secret = link.rpartition(".")
    wrong_secret = f"{head}.{'A' * len(secret)}"
    no_such_link = f"{visitor.tenant}.{'0' * 32}.{secret}"
    no_such_tenant = f"nobody.{'0' * 32}.{secret}"
    said = [
        (response.status_code, text_of(response).partition("Request")[0])
        for response in [
            await visitor.open_link(each) for each in (wrong_secret, no_such_link, no_such_tenant)
        ]
    ]
    assert said == [said[0]] * 3
    assert said[0][0] == 404
    assert (await visitor.open_link(link)).status_code == 303


@pytest.mark.parametrize("link", ["", "x", "https://example.com/", "default.0.0", "a.b.c#d.e.f"])
async def test_what_is_no_link_is_not_looked_up(visitor: Visitor, link: str) -> None:
    refused = await visitor.open_link(link)
    assert (refused.status_code, "no whole setup link" in text_of(refused)) == (400, True)


@pytest.mark.parametrize("path", PAGES)
async def test_without_a_session_nothing_is_shown(visitor: Visitor, path: str) -> None:
    refused = await visitor.get(path)
    assert refused.status_code == 401
    assert "session is over" in text_of(refused)


async def test_a_session_opens_no_other_tenant(visitor: Visitor) -> None:
    await visitor.enter()
    (name, value) = next(iter(visitor.http.cookies.items()))
    _, link, secret = value.split(".")
    for tenant in ("default", "nobody", "t0001"):
        visitor.http.cookies.set(name, f"{tenant}.{link}.{secret}")
        visitor.http.cookies.jar.clear_expired_cookies()
        forged = await visitor.http.get(
            "/portal/watch", headers={"Cookie": f"{name}={tenant}.{link}.{secret}"}
        )
        assert forged.status_code == 401


@pytest.mark.parametrize(
    ("rights", "allowed"),
    [
        (["connect"], {"/portal/connect", "/portal/connect/mapping"}),
        (["watch"], {"/portal/watch", "/portal/activity", "/portal/look-up", "/portal/why"}),
        (["rotate"], {"/portal/connect", "/portal/connect/mapping"}),
    ],
    ids=["connect", "watch", "rotate"],
)
async def test_a_link_opens_what_its_rights_say(
    visitor: Visitor, rights: list[str], allowed: set[str]
) -> None:
    await visitor.enter(rights)
    for path in (
        "/portal/connect",
        "/portal/connect/mapping",
        "/portal/watch",
        "/portal/activity",
        "/portal/look-up",
        "/portal/why",
    ):
        response = await visitor.get(path)
        assert response.status_code == (200 if path in allowed else 403), path


async def test_whoever_signs_out_is_out(visitor: Visitor) -> None:
    await visitor.enter()
    cookies = dict(visitor.http.cookies)
    out = await visitor.send("/portal/connect", "/portal/sign-out")
    assert (out.status_code, "signed out" in text_of(out)) == (200, True)
    assert "Max-Age=0" in out.headers["set-cookie"]
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    kept = await visitor.http.get("/portal/connect", headers={"Cookie": header})
    assert kept.status_code == 401


@pytest.mark.parametrize("action", ["/portal/sign-out", "/portal/tokens", "/portal/connect/test"])
async def test_a_form_of_another_site_changes_nothing(visitor: Visitor, action: str) -> None:
    await visitor.enter()
    without = await visitor.http.post(action, data={"token": "x"})
    assert (without.status_code, "cannot be taken" in text_of(without)) == (403, True)
    guessed = await visitor.http.post(action, data={"csrf": "A" * 43})
    assert guessed.status_code == 403
    foreign = await visitor.http.post(
        "/portal/open", data={"link": "x"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.status_code == 403


async def test_the_token_of_a_form_is_of_its_session(visitor: Visitor) -> None:
    await visitor.enter()
    csrf = form_in((await visitor.get("/portal/connect")).text, "/portal/sign-out")
    await visitor.enter()
    refused = await visitor.http.post("/portal/sign-out", data=csrf)
    assert refused.status_code == 403


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_another_method_is_said_to_be_none(visitor: Visitor, method: str) -> None:
    await visitor.enter()
    refused = await visitor.http.request(method, "/portal/connect")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_every_other_path_is_a_page_that_says_so(visitor: Visitor) -> None:
    await visitor.enter()
    for path in ("/portal/nothing", "/portal/look-up/user/x", "/portal/connect/../nothing"):
        assert (await visitor.get(path)).status_code == 404


async def test_a_chosen_language_is_remembered(visitor: Visitor) -> None:
    await visitor.enter()
    french = await visitor.get("/portal/connect?language=fr")
    assert (french.headers["content-language"], 'lang="fr"' in french.text) == ("fr", True)
    assert "Connecter votre fournisseur" in text_of(await visitor.get("/portal/connect"))
    english = await visitor.get("/portal/connect?language=en")
    assert "Connect your identity provider" in text_of(english)


async def test_the_language_of_the_browser_is_spoken(visitor: Visitor) -> None:
    header = {"Accept-Language": "de, fr-CH;q=0.9, en;q=0.8"}
    page = await visitor.http.get("/portal/open", headers=header)
    assert page.headers["content-language"] == "fr"


async def test_static_files_are_kept_for_good_under_the_name_of_their_content(
    visitor: Visitor,
) -> None:
    page = (await visitor.get("/portal/open")).text
    urls = re.findall(r'(?:href|src)="(/portal/static/[^"]+)"', page)
    assert len(urls) == 3
    for url in urls:
        file = await visitor.http.get(url)
        assert file.status_code == 200
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert file.headers["x-content-type-options"] == "nosniff"
    missing = await visitor.http.get("/portal/static/portal.0000000000000000.css")
    assert missing.status_code == 404


async def test_the_first_page_is_light(visitor: Visitor, running_service: RunningService) -> None:
    await visitor.enter()
    page = await visitor.get("/portal/connect")
    assert len(page.content) < 50_000
    assert (await running_service.log_line(page))["calls"] == 2


async def test_the_log_knows_a_session_by_its_link(
    visitor: Visitor, running_service: RunningService
) -> None:
    link_id = await visitor.enter()
    line = await running_service.log_line(await visitor.get("/portal/connect"))
    assert (line["tenant"], line["token"]) == (visitor.tenant, f"portal/{link_id[:8]}")


async def test_no_line_of_the_log_holds_what_opens_the_portal(
    visitor: Visitor, running_service: RunningService
) -> None:
    _, link = await visitor.make_link()
    await visitor.open_link(link)
    page = await visitor.get("/portal/connect")
    await running_service.log_line(page)
    log = "\n".join(running_service.output)
    assert link.rpartition(".")[2] not in log
    for value in visitor.http.cookies.values():
        assert value.rpartition(".")[2] not in log
