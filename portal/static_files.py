"""Static files: read once, named after their content, so that browsers may keep them for good."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import NotFound
from shared.web.callers import READS
from shared.web.respond import method_not_allowed
from shared.web.responses import ScimResponse

if TYPE_CHECKING:
    import azure.functions as func

    from shared.telemetry.request_record import RequestRecord

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str


def _read() -> tuple[dict[str, _File], dict[str, str]]:
    files: dict[str, _File] = {}
    urls: dict[str, str] = {}
    for path in sorted(_FOLDER.iterdir()):
        content = path.read_bytes()
        name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:16]}{path.suffix}"
        files[name] = _File(content, _TYPES[path.suffix])
        urls[path.name] = f"/portal/static/{name}"
    return files, urls


_FILES, _URLS = _read()


def static_url(name: str) -> str:
    """Return the path at which a file is served."""
    return _URLS[name]


async def serve_static_file(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
    """GET of a file, to anyone."""
    if record.method not in READS:
        raise method_not_allowed(record.method, sorted(READS))
    file = _FILES.get(req.route_params["name"])
    if file is None:
        raise NotFound("There is no such file.")
    headers = {"Cache-Control": _FOR_GOOD, "X-Content-Type-Options": "nosniff"}
    return ScimResponse(200, headers=headers, media_type=file.media_type, content=file.content)
