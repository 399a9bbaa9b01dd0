"""All tenants: the first page of the vendor's staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from portal.overview import MOST_LOOKED_AT, glance_at_all, with_numbers
from portal.rendering import render
from shared.auth.tenant_tokens import TenantState

if TYPE_CHECKING:
    from portal.visit import Visit
    from shared.web.responses import ScimResponse

TENANTS_ON_A_PAGE: Final = 25
_MOST_TEXT: Final = 40


async def show_tenants(visit: Visit) -> ScimResponse:
    """GET of the list. A call for each tenant of the page; and as of `glance_at_all`."""
    text = visit.query.get("q", "").strip().lower()[:_MOST_TEXT]
    number = visit.page_number
    found = await glance_at_all(visit, text, is_fresh="fresh" in visit.query)
    begin = (number - 1) * TENANTS_ON_A_PAGE
    shown = await with_numbers(visit, found[begin : begin + TENANTS_ON_A_PAGE])
    return render(
        visit,
        "tenants.html",
        q=text,
        found=found,
        shown=shown,
        fresh=urlencode({**({"q": text} if text else {}), "fresh": 1}),
        held=sum(each.is_held for each in found),
        pressing=sum(bool(each.reasons) for each in found),
        states=TenantState,
        most_looked_at=MOST_LOOKED_AT,
        earlier=_page_query(text, number - 1) if number > 1 else "",
        later=_page_query(text, number + 1) if begin + TENANTS_ON_A_PAGE < len(found) else "",
    )


def _page_query(text: str, number: int) -> str:
    asked = {"q": text} if text else {}
    return urlencode({**asked, "page": number})
