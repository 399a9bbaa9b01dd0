"""HTTP as functions see it: requests and answers as the host and the worker convert them."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from aiohttp import web
from azure import functions
from multidict import CIMultiDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ESCAPES = re.compile(r"(?:%[0-9a-f]{2})+", re.IGNORECASE)
_SLASH = re.compile(r"(%2f)", re.IGNORECASE)
_STRAY_PERCENT = re.compile(r"%(?![0-9a-f]{2})", re.IGNORECASE)
_SENDABLE = re.compile(r"[\t\x20-\x7e]*")
_WITHOUT_BODY = frozenset({204, 205, 304})
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*")
_HOST_NAME = re.compile(r"[A-Za-z0-9!$&'()\-_~]+(?:\.[A-Za-z0-9!$&'()\-_~]+)*\.?")
_LOCAL = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?", re.IGNORECASE)
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})


def _keep_escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"%{byte:02X}" for byte in error.object[error.start : error.end]), error.end


codecs.register_error("keep_escaped", _keep_escaped)


def decoded_path(raw: str) -> str:
    """Decode a path as the web server of the host does before a route is matched.

    `%2F` and bytes that are no UTF-8 stay escaped, and dot segments are resolved (RFC 3986 5.2.4).

    Raises:
        ValueError: A NUL character, which the host answers with 400.
    """
    path = _ESCAPES.sub(_decoded, raw) if "%" in raw else raw
    if "\0" in path:
        raise ValueError("a path holds no NUL character")
    return _without_dots(path) if "/." in path else path


def _decoded(escapes: re.Match[str]) -> str:
    parts = _SLASH.split(escapes[0])
    return "".join(
        part if n % 2 else bytes.fromhex(part.replace("%", "")).decode("utf-8", "keep_escaped")
        for n, part in enumerate(parts)
    )


def _without_dots(path: str) -> str:
    segments = path.split("/")[1:]
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme and host that a client asked for, the host with its port."""

    scheme: str
    host: str

    @property
    def is_public_https(self) -> bool:
        """Whether it is asked for by https, and not on this machine."""
        return self.scheme == "https" and not _LOCAL.fullmatch(self.host)


def origin(headers: Mapping[str, str], *, has_front_end: bool) -> Origin:
    """Return what a client asked for.

    The front end of Azure says it with X-Forwarded-Proto and DISGUISED-HOST; without a front end
    these say nothing.

    Raises:
        ValueError: It makes no URL, so that the host cannot bind the request.
    """
    scheme, host = "http", headers.get("host", "")
    if has_front_end:
        scheme = headers.get("x-forwarded-proto", scheme).lower()
        host = headers.get("disguised-host") or host
    if not _SCHEME.fullmatch(scheme):
        raise ValueError("X-Forwarded-Proto is no scheme")
    name, _, port = host.partition(":") if not host.startswith("[") else (host, "", "")
    ascii_name = name if name.startswith("[") else _ascii_name(name)
    if port and not (port.isdecimal() and int(port) <= 65535):
        raise ValueError("the host has no such port")
    return Origin(
        scheme if scheme == "https" else "http", f"{ascii_name}:{port}" if port else ascii_name
    )


def _ascii_name(name: str) -> str:
    """Return the name of a host as it is looked up.

    Raises:
        ValueError: It is empty, too long, has an empty label, or characters that no name has.
    """
    encoded = name if name.isascii() else name.encode("idna").decode()
    if not _HOST_NAME.fullmatch(encoded) or len(encoded) > 255:
        raise ValueError("the host is no name")
    return encoded


def url(origin: Origin, path: str, query: str) -> str:
    """Return the absolute URL of a request: path encoded again, query as it came."""
    encoded = quote(_STRAY_PERCENT.sub("%25", path), safe="/%:@!$&'()*+,;=~")
    return f"{origin.scheme}://{origin.host}{encoded}{'?' if query else ''}{query}"


def headers(received: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Header names in lower case; the values of one that came more than once joined by commas.

    Raises:
        ValueError: A value that is no UTF-8, which the host answers with 400.
    """
    joined: dict[str, str] = {}
    for name, value in received:
        if not value.isascii():
            value.encode()  # aiohttp keeps bytes that are no UTF-8 as lone surrogates
        key = name.lower()
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return joined


def parameters(query: str) -> dict[str, str]:
    """Query parameters: empty ones are dropped, repeated ones joined by commas, in any case."""
    if not query:
        return {}
    joined: dict[str, str] = {}
    spellings: dict[str, str] = {}
    for name, value in parse_qsl(query, encoding="utf-8", errors="replace"):
        key = spellings.setdefault(name.lower(), name)
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return joined


def answer(result: object) -> web.Response:
    """Write what goes out on the wire for what a function returned.

    Raises:
        TypeError: No func.HttpResponse or str, or a header that is no string.
        ValueError: A body where HTTP has none, or a header value that is not plain ASCII: the web
            server of the host refuses to send those.
    """
    if isinstance(result, str):
        result = functions.HttpResponse(result)
    if not isinstance(result, functions.HttpResponse):
        raise TypeError(f"a function returns func.HttpResponse or str, not {type(result).__name__}")
    body = result.get_body()
    if body and result.status_code in _WITHOUT_BODY:
        raise ValueError(f"an answer with status {result.status_code} has no body")
    return web.Response(status=result.status_code, headers=_headers(result), body=body or None)


def _headers(result: functions.HttpResponse) -> CIMultiDict[str]:
    """Return the headers of an answer; of a repeated name the last counts, but for cookies."""
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in result.headers.items():
        if not isinstance(value, str):
            raise TypeError(f"header {name} is no string")
        if not _SENDABLE.fullmatch(value):
            raise ValueError(f"header {name} holds characters that are not printable ASCII")
        if name.lower() == "set-cookie":
            headers.add(name, value)
        elif name.lower() not in _FRAMING:
            headers[name] = value
    if "content-type" not in headers:
        charset = f"; charset={result.charset}" if result.mimetype.startswith("text/") else ""
        headers["Content-Type"] = result.mimetype + charset
    return headers
