"""Mapping review: a page beside Connect, since what was sent is read from the provisioning log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from portal.connect_pages import PROVIDERS
from portal.mapping import SentOfType, gather_sent, review
from portal.rendering import render
from shared.tables.table import PAGE_ROWS

if TYPE_CHECKING:
    from portal.visit import Visit
    from shared.store.provisioning_log import LogEntry
    from shared.web.responses import ScimResponse

MOST_READS: Final = 5
"""Reads of the log; among so many entries there are those of the last day, but for a flood."""


async def show_mapping(visit: Visit) -> ScimResponse:
    """GET of the page. 2 calls, 6 at most."""
    provider = visit.query.get("provider", "")
    sent = gather_sent(await _read_log(visit))
    catalogue = visit.services.catalogue
    types = (catalogue.user, catalogue.group)
    return render(
        visit,
        "mapping.html",
        provider=provider if provider in PROVIDERS else PROVIDERS[0],
        is_recorded=visit.services.settings.provisioning_log_days > 0,
        reviewed=[review(each, sent.get(each.name, SentOfType())) for each in types],
    )


async def _read_log(visit: Visit) -> list[LogEntry]:
    entries: list[LogEntry] = []
    behind = ""
    for _ in range(MOST_READS):
        page = await visit.services.store.log.newest(visit.entered.context, PAGE_ROWS, behind)
        entries += [each.entry for each in page]
        if len(page) < PAGE_ROWS:
            break
        behind = page[-1].id
    return entries
