"""Activity: what was done, by filters, page by page, and as a file."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from portal.activity import ActivityFilter, ids_of, read_activity, read_told
from portal.log_wording import OUTCOME_OF
from portal.refusals import PageRefusal
from portal.rendering import file_of, render, when
from portal.timeline import ActivityPlaces
from portal.wording import KINDS, OUTCOMES, kind_of
from shared.store.changes import RecordedChange

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.activity import Told
    from portal.visit import Visit
    from shared.store.provisioning_log import KeptEntry
    from shared.web.responses import ScimResponse

MOST_EXPORTED: Final = 20_000

_COLUMNS: Final = (
    "time",
    "outcome",
    "kind",
    "resourceType",
    "id",
    "attributes",
    "active",
    "added",
    "removed",
    "externalId",
    "token",
    "request",
    "clientRequest",
    "method",
    "status",
    "scimType",
    "path",
    "milliseconds",
    "number",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


async def show_activity(visit: Visit) -> ScimResponse:
    """GET of a page of the activity. A few calls, and one for each that is named."""
    asked = ActivityFilter.of(visit.query)
    places = ActivityPlaces.of(visit.query.get("before", "."))
    activity = await read_activity(visit, asked, places)
    return render(
        visit,
        "activity.html",
        asked=asked,
        kinds=KINDS,
        outcomes=OUTCOMES,
        activity=activity,
        is_first=visit.query.get("before") is None,
        older=urlencode({**asked.query, "before": activity.before or ""}),
        newest=urlencode(asked.query),
    )


async def export_activity(visit: Visit) -> ScimResponse:
    """GET of the activity as a file. A call for each 1,000 rows that are looked through."""
    write = _FORMATS.get(visit.query.get("format", ""))
    if write is None:
        raise PageRefusal(400, "not_understood")
    asked = ActivityFilter.of(visit.query)
    rows = await _all(visit, asked)
    name = f"activity-{visit.entered.context.tenant}"
    extension, media_type, content = write(rows)
    return file_of(f"{name}.{extension}", media_type, content)


async def _all(visit: Visit, asked: ActivityFilter) -> list[dict[str, object]]:
    """Read all that is asked for; a file that left some out would be taken for all.

    Raises:
        PageRefusal: it is too much for a file.
    """
    ids = await ids_of(visit, asked.who)
    rows: list[dict[str, object]] = []
    places = ActivityPlaces()
    while not places.is_end:
        page = await read_told(visit, asked, ids, places, MOST_EXPORTED + 1 - len(rows))
        rows += map(_row, page.found)
        if len(rows) > MOST_EXPORTED:
            raise PageRefusal(413, "too_much_to_export")
        places = page.places
    if asked.who and not (ids or rows):
        raise PageRefusal(404, "not_found")
    return rows


def _row(told: Told) -> dict[str, object]:
    values = _of_change(told) if isinstance(told, RecordedChange) else _of_entry(told)
    return {column: values.get(column) for column in _COLUMNS}


def _of_change(recorded: RecordedChange) -> dict[str, object]:
    change = recorded.change
    return {
        "time": when(recorded.time / 1000),
        "outcome": "success",
        "kind": kind_of(change),
        "resourceType": change.resource,
        "id": change.id,
        "attributes": list(change.names),
        "active": change.active,
        "added": [member for member, _ in change.added],
        "removed": [member for member, _ in change.removed],
        "externalId": change.external_id,
        "token": recorded.actor,
        "request": recorded.request_id,
        "clientRequest": recorded.client_request_id or None,
        "method": recorded.method,
    }


def _of_entry(kept: KeptEntry) -> dict[str, object]:
    """Write an entry of the log, without what was answered, which may quote a value."""
    entry = kept.entry
    return {
        "time": when(entry.time / 1000),
        "outcome": OUTCOME_OF[entry.kind],
        "kind": entry.kind,
        "resourceType": entry.resource_type,
        "id": entry.resource_id,
        "externalId": entry.names.get("externalId"),
        "token": entry.token,
        "request": entry.request_id,
        "clientRequest": entry.client_request_id,
        "method": entry.method,
        "status": entry.status or None,
        "scimType": entry.scim_type,
        "path": entry.path,
        "milliseconds": entry.milliseconds or None,
        "number": entry.number or None,
    }


def _as_csv(rows: list[dict[str, object]]) -> tuple[str, str, bytes]:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in _COLUMNS])
    # With a mark of its encoding, without which a spreadsheet takes it for another one.
    return "csv", "text/csv", file.getvalue().encode("utf-8-sig")


def _cell(value: object) -> str:
    """Write a value so that no spreadsheet takes it for a formula."""
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value or "")
    if isinstance(value, bool):
        text = str(value).lower()
    return f"'{text}" if text.startswith(_FORMULA) else text


def _as_ndjson(rows: list[dict[str, object]]) -> tuple[str, str, bytes]:
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    return "ndjson", "application/x-ndjson", "".join(f"{line}\n" for line in lines).encode()


_FORMATS: Final[dict[str, Callable[[list[dict[str, object]]], tuple[str, str, bytes]]]] = {
    "csv": _as_csv,
    "ndjson": _as_ndjson,
}
