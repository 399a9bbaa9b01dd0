"""What the web server of the host refuses, before the host sees the request.

As Kestrel in a host 4.1037 was seen to do it. The HTTP library here refuses more: a method that it
does not know, a line that ends with a bare LF, a sign in Content-Length; and less: it takes two
blanks in the request line. docs/architecture.md lists where the two differ.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import HttpVersion10, HttpVersion11
from aiohttp.http_exceptions import LineTooLong

if TYPE_CHECKING:
    from aiohttp import web

LINE_LIMIT, HEADER_LIMIT, MOST_HEADERS = 8192, 32768, 100

_HOST = re.compile(r"(?:[A-Za-z0-9!$&'()\-._~]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
_AROUND_THE_TARGET = len("  HTTP/1.1\r\n")


def refusal(request: web.BaseRequest) -> int | None:
    """Return the status with which a request is refused, None if it is not."""
    target = request.raw_path
    if len(request.method) + len(target) + _AROUND_THE_TARGET > LINE_LIMIT:
        return 414
    if request.version < HttpVersion10 or request.method == "CONNECT":
        return 400
    if request.version > HttpVersion11:
        return 505
    if target == "*" and request.method != "OPTIONS":
        return 405
    return None if _names_one_host(target, request.headers.get("Host", "")) else 400


def status_of_error(error: BaseException | None, status: int) -> int:
    """Return the status for what the HTTP library could not read; `status` is its own.

    Its errors differ in their messages alone.
    """
    if isinstance(error, LineTooLong):
        return 414 if error.args[1] == LINE_LIMIT else 431
    if "Too many headers" in str(error):
        return 431
    return 505 if "HTTP version" in str(error) else status


def _names_one_host(target: str, host: str) -> bool:
    """Tell whether Host can be one, and is that of a target that is a whole URL."""
    if not _HOST.fullmatch(host):
        return False
    scheme, separator, rest = target.partition("://")
    if not separator or "/" in scheme:
        return True
    return re.split(r"[/?]", rest, maxsplit=1)[0].lower() == host.lower()
