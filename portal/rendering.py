"""Rendering: templates into pages, with the headers that keep a page to itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension

from portal.appearance import appearance_of
from portal.static_files import static_url
from portal.texts import LANGUAGES
from portal.visit import ALL_TENANTS, ALL_WEBHOOKS
from shared.portal_codes import may_return_to
from shared.store.setup_links import Right
from shared.web.responses import ScimResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.visit import Visit

HTML: Final = "text/html"

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Nothing inline, nothing from elsewhere, nothing kept, and in no frame of another site."""


def when(seconds: float | None) -> str:
    """Write a time as programs read it, in UTC."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def _in_utc(seconds: float) -> str:
    """Write a time for people, for as long as no script has written it in their zone."""
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%d %H:%M} UTC"


_LINK: Final = re.compile(r'\b(href|action|data-live)="/portal(?=[/"?#])(?!/staff)')


class _LinksOfVisits(Extension):
    """Lets the links of templates, which begin with `/portal`, begin where the visit has its pages.

    So a template is written for customers, and serves staff at `/portal/tenants/<tenant>` too.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Rewrite the links of a template when it is loaded; what is open to all stays."""
        del name, filename
        return _LINK.sub(r'\1="{{ visit.home }}', source)


_ENVIRONMENT: Final = Environment(
    extensions=[_LinksOfVisits],
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_ENVIRONMENT.globals.update(
    static=static_url,
    Right=Right,
    when=when,
    in_utc=_in_utc,
    all_tenants=ALL_TENANTS,
    all_webhooks=ALL_WEBHOOKS,
)


def render(
    visit: Visit,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> ScimResponse:
    """Render a page in the language of the visitor."""
    text = _ENVIRONMENT.get_template(template).render(
        t=visit.texts,
        visit=visit,
        session=visit.session,
        appearance=appearance_of(visit.services.settings),
        back=_way_back(visit),
        sign_in=_sign_in_link(visit),
        language_links=_language_links(visit),
        **values,
    )
    return ScimResponse(
        status,
        headers={**_HEADERS, "Content-Language": visit.texts.language, **(headers or {})},
        media_type=HTML,
        content=text.encode(),
    )


def see_other(location: str, headers: Mapping[str, str] | None = None) -> ScimResponse:
    """Send the browser on to another page, by GET."""
    return ScimResponse(
        303, headers={**_HEADERS, "Location": location, **(headers or {})}, media_type=HTML
    )


def _sign_in_link(visit: Visit) -> str:
    """Write the link by which the platform signs staff in, and brings them back to this page."""
    page = visit.home if visit.record.method == "POST" else visit.address
    return f"/.auth/login/aad?{urlencode({'post_login_redirect_uri': page})}"


def _way_back(visit: Visit) -> str:
    """Return where the setup link leads back to; "" where that is nowhere, or not any more."""
    link = None if visit.session is None else visit.session.link
    url = "" if link is None else link.return_url
    return url if may_return_to(url, visit.services.settings.portal_return_hosts) else ""


def file_of(name: str, media_type: str, content: bytes) -> ScimResponse:
    """Respond with a file that the browser saves."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    headers = {**_HEADERS, **disposition}
    return ScimResponse(200, headers=headers, media_type=media_type, content=content)


def _language_links(visit: Visit) -> dict[str, str]:
    """Return where this page is in each language: a page that was sent a form, at its beginning."""
    query = {} if visit.record.method == "POST" else dict(visit.query)
    path = visit.address if visit.record.method != "POST" else visit.home
    return {
        language: f"{path}?{urlencode({**query, 'language': language})}" for language in LANGUAGES
    }
