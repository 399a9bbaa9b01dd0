"""The pages of the portal by the names of their routes, and the one policy around all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from portal import (
    activity_pages,
    connect_pages,
    entry_pages,
    look_up_pages,
    look_up_then_pages,
    watch_pages,
)
from portal.refusals import PageRefusal, RightMissing, SessionOver, headers_of, refusal_of
from portal.rendering import render
from portal.static_files import serve_static_file
from portal.visit import LANGUAGE_COOKIE, Visit, find_session, visit_of
from shared.errors import ScimError
from shared.store.setup_links import Right
from shared.web import services
from shared.web.request_log import write_fault
from shared.web.respond import method_not_allowed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import azure.functions as func

    from shared.telemetry.request_record import RequestRecord
    from shared.web.respond import Endpoint
    from shared.web.responses import ScimResponse

    Page = Callable[[Visit], Awaitable[ScimResponse]]
    Methods = Mapping[str, Page]

_YEAR: Final = 365 * 86_400


def _page(methods: Methods, right: Right | None = None, *, is_open: bool = False) -> Endpoint:
    """Make the endpoint of a page.

    Args:
        methods: what serves each method.
        right: which the session must have; None for any.
        is_open: whether it is shown without a session.
    """

    async def serve(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
        visit = visit_of(req, record, services.current())
        try:
            if not is_open:
                visit = replace(visit, session=await find_session(visit))
            response = await _enter(visit, methods, right, is_open=is_open)
        except ScimError as error:
            response = _refuse(visit, refusal_of(error), headers_of(error))
        except PageRefusal as refusal:
            response = _refuse(visit, refusal, {})
        except Exception as fault:  # noqa: BLE001 - a person is answered with a page
            write_fault(record.request_id, fault)
            response = _refuse(visit, PageRefusal(500, "fault"), {})
        return _with_language(visit, response)

    return serve


async def _enter(
    visit: Visit, methods: Methods, right: Right | None, *, is_open: bool
) -> ScimResponse:
    """Serve the method for whoever may enter.

    Raises:
        SessionOver: there is no session.
        RightMissing: it has not the right.
        MethodNotAllowed: the page does not take the method.
    """
    if not is_open and visit.session is None:
        raise SessionOver
    if right is not None and not visit.entered.may(right):
        raise RightMissing
    method = "GET" if visit.record.method == "HEAD" else visit.record.method
    page = methods.get(method)
    if page is None:
        raise method_not_allowed(method, [*methods, *(["HEAD"] if "GET" in methods else [])])
    return await page(visit)


def _refuse(visit: Visit, refusal: PageRefusal, headers: Mapping[str, str]) -> ScimResponse:
    return render(visit, "refusal.html", status=refusal.status, headers=headers, refusal=refusal)


def _with_language(visit: Visit, response: ScimResponse) -> ScimResponse:
    """Remember the language that was chosen."""
    if visit.query.get("language") != visit.texts.language or "Set-Cookie" in response.headers:
        return response
    secure = "; Secure" if visit.is_secure else ""
    cookie = (
        f"{LANGUAGE_COOKIE}={visit.texts.language}; Path=/portal; Max-Age={_YEAR}; SameSite=Strict"
        f"{secure}"
    )
    return replace(response, headers={**response.headers, "Set-Cookie": cookie})


async def _no_such_page(visit: Visit) -> ScimResponse:
    del visit
    raise PageRefusal(404, "not_found")


_ANY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

PAGES: Final[Mapping[str, Endpoint]] = {
    "portal": _page({"GET": entry_pages.first_page}),
    "portal_activity": _page({"GET": activity_pages.show_activity}, Right.WATCH),
    "portal_activity_export": _page({"GET": activity_pages.export_activity}, Right.WATCH),
    "portal_connect": _page({"GET": connect_pages.show_connection}, Right.CONNECT),
    "portal_connect_test": _page({"POST": connect_pages.test_connection}, Right.CONNECT),
    "portal_look_up": _page({"GET": look_up_pages.look_up}, Right.WATCH),
    "portal_look_up_id": _page({"GET": look_up_pages.show_resource}, Right.WATCH),
    "portal_look_up_id_then": _page({"GET": look_up_then_pages.show_group_then}, Right.WATCH),
    # `explain` of the provisioning log gets its page here: why somebody is not there.
    "portal_open": _page(
        {"GET": entry_pages.ask_to_open, "POST": entry_pages.open_portal}, is_open=True
    ),
    "portal_sign_out": _page({"POST": entry_pages.sign_out}),
    "portal_static": serve_static_file,
    "portal_tokens": _page({"POST": connect_pages.draw_token}, Right.ROTATE),
    "portal_tokens_revoke": _page({"POST": connect_pages.revoke_token}, Right.ROTATE),
    "portal_watch": _page({"GET": watch_pages.watch}, Right.WATCH),
    "portal_watch_live": _page({"GET": watch_pages.watch_live}, Right.WATCH),
    "portal_zz_no_such_page": _page(dict.fromkeys(_ANY_METHOD, _no_such_page)),
}
"""What serves each route of the portal, by the route's name."""
