"""A visit: what is known of a request of a browser, and of the session that it belongs to."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from portal.refusals import PageRefusal, SessionOver
from portal.texts import LANGUAGES, Language, Texts, language_of
from shared import tenants
from shared.portal_codes import PortalCode, read_code
from shared.store.setup_links import SESSION_SECONDS, Right, SetupLink
from shared.tables.request_context import RequestContext
from shared.web.requests import base_url_of, path_of, query_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import azure.functions as func

    from shared.telemetry.request_record import RequestRecord
    from shared.web.services import Services

LANGUAGE_COOKIE = "portal-language"
_MOST_FORM_BYTES = 16_384
_MOST_FIELDS = 20
_FORM = "application/x-www-form-urlencoded"
_STRANGERS = tenants.scratch("portal")
"""The partition that is read, and the bucket that is taken from, for a tenant that is none."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session that lives.

    Attributes:
        code: what its cookie holds.
        link: the setup link by which it began.
        context: the request, in the tenant of the session.
    """

    code: PortalCode
    link: SetupLink
    context: RequestContext

    @property
    def csrf(self) -> str:
        """What forms carry, to show that they come from a page of this session."""
        key = self.code.secret.encode()
        digest = hmac.digest(key, b"form", hashlib.sha256)
        return urlsafe_b64encode(digest).decode().rstrip("=")

    def may(self, right: Right) -> bool:
        """Tell whether the link has a right."""
        rights = self.link.rights
        return right in rights or (right is Right.CONNECT and Right.ROTATE in rights)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of a browser.

    Attributes:
        req: the request.
        record: what the log is told of it.
        services: what outlives it.
        base_url: where the service is reached, without a slash behind.
        path: of the page.
        query: parameters under lower-case names.
        texts: in the language of the visitor.
        session: the session; None without one.
    """

    req: func.HttpRequest
    record: RequestRecord
    services: Services
    base_url: str
    path: str
    query: Mapping[str, str]
    texts: Texts
    session: Session | None = None

    @property
    def is_secure(self) -> bool:
        """Whether cookies go over TLS: always, but on a developer's machine."""
        return self.base_url.startswith("https:") or not self.services.settings.is_development

    @property
    def cookie_name(self) -> str:
        """The cookie of sessions; the prefix makes browsers hold it to this host and to TLS."""
        return "__Host-portal" if self.is_secure else "portal"

    def session_cookie(self, code: PortalCode | None) -> str:
        """Write the header that sets the cookie of a session, or takes it away."""
        value, seconds = ("", 0) if code is None else (str(code), SESSION_SECONDS)
        secure = "; Secure" if self.is_secure else ""
        return (
            f"{self.cookie_name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict"
            f"{secure}"
        )

    @property
    def tenant_url(self) -> str:
        """The Tenant URL of the session."""
        return self.base_url + path_of(self.entered.context.tenant)

    @property
    def entered(self) -> Session:
        """The session.

        Raises:
            SessionOver: there is none.
        """
        if self.session is None:
            raise SessionOver
        return self.session

    def form(self) -> Mapping[str, str]:
        """Read the form that was sent.

        Raises:
            PageRefusal: it is none, comes from another site, or not from a page of the session.
        """
        fields = self.open_form()
        sent = fields.get("csrf", "")
        if not hmac.compare_digest(sent.encode(), self.entered.csrf.encode()):
            raise PageRefusal(403, "foreign_form")
        return fields

    def open_form(self) -> Mapping[str, str]:
        """Read the form of a page that needs no session; errors as of `form`."""
        if self.req.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise PageRefusal(403, "foreign_form")
        body = self.req.get_body()
        media_type = self.req.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != _FORM or len(body) > _MOST_FORM_BYTES:
            raise PageRefusal(400, "no_form")
        try:
            pairs = parse_qsl(
                body.decode("utf-8"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=_MOST_FIELDS,
            )
        except ValueError:
            raise PageRefusal(400, "no_form") from None
        return dict(pairs)


def visit_of(req: func.HttpRequest, record: RequestRecord, services: Services) -> Visit:
    """Read a request of a browser; its session is not looked for."""
    query = query_of(req.url)
    cookies = _cookies(req)
    chosen = query.get("language") or cookies.get(LANGUAGE_COOKIE)
    language: Language | None = next((each for each in LANGUAGES if each == chosen), None)
    return Visit(
        req=req,
        record=record,
        services=services,
        base_url=base_url_of(req, services.settings.base_url),
        path="/" + req.url.partition("://")[2].partition("/")[2].partition("?")[0],
        query=query,
        texts=Texts(language or language_of(req.headers.get("accept-language"))),
    )


async def find_session(visit: Visit) -> Session | None:
    """Find the session of a visit; None without one that lives. 1 call, none without a cookie.

    Raises:
        ScimError: it cannot be told at present, or too many requests come.
    """
    code = read_code(_cookies(visit.req).get(visit.cookie_name, ""))
    if code is None:
        return None
    context = await context_of(visit, code, "portal")
    link = await visit.services.store.setup_links.find_session(context, code.link, code.secret)
    if link is None:
        return None
    # From here on it is known who it is.
    context.actor = actor_of(link)
    visit.record.tenant, visit.record.token = code.tenant, context.actor
    return Session(code, link, context)


async def context_of(visit: Visit, code: PortalCode, actor: str) -> RequestContext:
    """Begin the request of a code, which need not be good.

    For a tenant that is none another partition is read, so that the answer costs the same and tells
    nothing of which tenants there are.
    """
    services = visit.services
    is_known = await services.authenticator.has_tenant(code.tenant)
    partition = code.tenant if is_known else _STRANGERS
    services.rate_limit.take(tenants.scratch(partition) if is_known else partition)
    deadline = time.monotonic() + services.settings.request_deadline_seconds
    context = RequestContext(
        partition, visit.record.request_id, actor, deadline, visit.record.method
    )
    visit.record.meter = context.meter
    return context


def actor_of(link: SetupLink) -> str:
    """Name a session in the log and in change rows: by the setup link that began it."""
    return f"portal/{link.id[:8]}"


def _cookies(req: func.HttpRequest) -> dict[str, str]:
    try:
        parsed = SimpleCookie(req.headers.get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in parsed.items()}
