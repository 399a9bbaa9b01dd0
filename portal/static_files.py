"""Static files: read once, named after their content, so that browsers may keep them for good."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
_PATH = "/portal/static"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is served."""

    content: bytes
    media_type: str


def serve_file(stem: str, suffix: str, content: bytes) -> str:
    """Have a file served beside those of the folder; return the path at which it is."""
    name = f"{stem}.{hashlib.sha256(content).hexdigest()[:16]}{suffix}"
    _FILES[name] = StaticFile(content, _TYPES[suffix])
    return f"{_PATH}/{name}"


def _read() -> dict[str, str]:
    urls: dict[str, str] = {}
    for path in sorted(_FOLDER.iterdir()):
        content = path.read_bytes()
        urls[path.name] = serve_file(path.stem, path.suffix, content)
    return urls


_FILES: dict[str, StaticFile] = {}
_URLS = _read()


def static_url(name: str) -> str:
    """Return the path at which a file is served."""
    return _URLS[name]


def find_file(name: str) -> StaticFile | None:
    """Find a file by the name at which it is served."""
    return _FILES.get(name)
