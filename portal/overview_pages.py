"""All tenants: the first page of the vendor's staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from portal.overview import MOST_READ, glance_at_all, with_numbers
from portal.rendering import render
from shared.auth.tenant_tokens import TenantState

if TYPE_CHECKING:
    from portal.visit import Visit
    from shared.web.responses import ScimResponse

TENANTS_ON_A_PAGE: Final = 25
_MOST_TEXT: Final = 40


async def show_tenants(visit: Visit) -> ScimResponse:
    """GET of the list. A call for each tenant of the page; and as of `glance_at_all`.

    While tenants are unread, the script of the page asks for the list alone, until all are read.
    """
    text = visit.query.get("q", "").strip().lower()[:_MOST_TEXT]
    number = visit.page_number
    found = await glance_at_all(visit, text, is_fresh="fresh" in visit.query)
    begin = (number - 1) * TENANTS_ON_A_PAGE
    shown = await with_numbers(visit, found[begin : begin + TENANTS_ON_A_PAGE])
    read = [each.findings.read_at for each in found if each.findings is not None]
    return render(
        visit,
        "tenants_list.html" if "list" in visit.query else "tenants.html",
        q=text,
        found=found,
        shown=shown,
        open=sum(not each.is_closed for each in found),
        read=len(read),
        oldest=min(read, default=None),
        held=sum(each.is_held for each in found),
        pressing=sum(bool(each.reasons) for each in found),
        states=TenantState,
        most_read=MOST_READ,
        again=_page_query(text, number),
        earlier=_page_query(text, number - 1) if number > 1 else "",
        later=_page_query(text, number + 1) if begin + TENANTS_ON_A_PAGE < len(found) else "",
    )


def _page_query(text: str, number: int) -> str:
    asked = {"q": text} if text else {}
    return urlencode({**asked, "page": number})
