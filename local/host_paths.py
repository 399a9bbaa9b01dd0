"""Paths that the host answers itself, before any function or after all of them.

As a host 4.1037 in Azure's mode of production was seen to do it. Nobody has its keys here, so what
asks for one is refused.
"""

from __future__ import annotations

from aiohttp import web

_HOME = "<!doctype html><title>Functions</title><p>The function app is up and running."
_PING = "/admin/host/ping"
_KEYED = frozenset(
    {"/admin/host/status", "/admin/host/keys", "/admin/functions", "/admin/instance/info"}
)
_KEYED_BELOW = ("/admin/vfs/", "/runtime/webhooks/")


def answer_before_functions(method: str, path: str) -> web.Response | None:
    """Answer a path that reaches no function; return None for all others.

    Args:
        method: Of the request.
        path: Decoded, with its first slash.
    """
    folded = path.lower()
    if path.startswith("//"):
        return web.Response(status=404)
    if folded == _PING:
        return web.Response()
    is_keyed = folded.rstrip("/") in _KEYED or folded.startswith(_KEYED_BELOW)
    return web.Response(status=401) if is_keyed and method == "GET" else None


def answer_without_function(path: str, *, has_home: bool) -> web.Response:
    """Answer where no function has the route: the home page at the root, or an empty 404."""
    if path != "/":
        return web.Response(status=404)
    if has_home:
        return web.Response(text=_HOME, content_type="text/html")
    return web.Response(status=204)


def is_of_administration(path: str) -> bool:
    """Tell whether a path is one of the host's own administration, whatever serves it."""
    folded = path.lower()
    return folded == "/admin" or folded.startswith("/admin/")
