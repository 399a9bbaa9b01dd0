"""Routes: which function takes which path, and where to find what answers.

All that is imported to index the functions is here and in the `routes` of their packages. What
answers is named as `module:name` and imported afterwards (`shared.web.loading`).
"""

import json
from collections.abc import Awaitable, Callable
from functools import cache
from importlib import import_module
from operator import attrgetter
from typing import Any

import azure.functions as func

from shared.web.loading import Loading

Policy = Callable[[func.HttpRequest, func.Context, str, Any], Awaitable[func.HttpResponse]]
"""Answers a request of a route by what the route names; one of `shared.web.respond`."""

ROOTS = {"": "scim/v2", "tenant_": "tenants/{tenant}/scim/v2"}
"""Where the tenant `default` and the others are served, by the prefix of the functions' names."""

_BY_METHOD = "shared.web.respond:answer_by_method"
_CHOSEN = "shared.web.respond:answer_chosen"
_DIRECTLY = "shared.web.respond:answer"
_PREPARE = "shared.web.services:prepare"

# What `InternalError` says, for when not even that can be imported.
_FAULT = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
    "status": "500",
    "detail": "The service could not be loaded; its operator finds the reason in the log.",
}

REFERENCES: list[str] = []
"""Everything that a route names, in the order in which it was registered."""


def new_blueprint() -> func.Blueprint:
    """Create a blueprint; here because the library leaves its constructor without types."""
    return func.Blueprint()  # type: ignore[no-untyped-call] # of azure-functions


def serve(blueprint: func.Blueprint, name: str, path: str, handlers: str) -> None:
    """Register the functions of an endpoint, one for each root.

    Args:
        blueprint: takes the functions.
        name: of the function. The host tries routes in the order of names, so the name of a route
            with a literal must sort before that of a route with `{id}` in the same place.
        path: below the root; "" for the root itself.
        handlers: names the `Handlers`: by HTTP method; all others are answered 405.
    """
    _serve(blueprint, name, path, _BY_METHOD, handlers)


def serve_chosen(blueprint: func.Blueprint, name: str, path: str, choose: str) -> None:
    """Register the functions of a route whose handlers a `Choose` finds; otherwise as `serve`."""
    _serve(blueprint, name, path, _CHOSEN, choose)


def serve_resources(blueprint: func.Blueprint, name: str, path: str, endpoint: str) -> None:
    """Register the functions of a `ResourceEndpoint`; the arguments are as in `serve`."""
    serve(blueprint, name, path, f"{endpoint}.collection")
    # The name sorts before that of the next route, which takes `.search` for an id.
    serve(blueprint, f"{name}_dot_search", f"{path}/.search", f"{endpoint}.searches")
    serve(blueprint, f"{name}_id", f"{path}/{{id}}", f"{endpoint}.item")


def register(blueprint: func.Blueprint, name: str, route: str, respond: str) -> None:
    """Register one function under a full route, for all methods; a `Respond` answers."""
    _register(blueprint, name, route, _DIRECTLY, respond)


def load_soon() -> None:
    """Import what requests need as soon as the functions are indexed."""
    _loading.begin_soon()


def _serve(blueprint: func.Blueprint, name: str, path: str, policy: str, named: str) -> None:
    for prefix, root in ROOTS.items():
        _register(blueprint, prefix + name, f"{root}/{path}".rstrip("/"), policy, named)


def _register(blueprint: func.Blueprint, name: str, route: str, policy: str, named: str) -> None:
    """Register one function, which lists no methods: the host answers others with an empty 404."""
    REFERENCES.extend((policy, named))

    async def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        try:
            await _loading.finished()
            answer: Policy = resolve(policy)
            by = resolve(named)
        except Exception:  # noqa: BLE001 - is in the log; the host would answer with an empty 500
            return _fault(context)
        return await answer(req, context, route, by)

    routed = blueprint.route(route=route, auth_level=func.AuthLevel.ANONYMOUS)(main)
    blueprint.function_name(name)(routed)


@cache
def resolve(reference: str) -> Any:
    """Return what `module:name` or `module:name.attribute` names, importing the module."""
    module, _, name = reference.partition(":")
    return attrgetter(name)(import_module(module))


def _load() -> None:
    for reference in REFERENCES:
        resolve(reference)


def _prepare() -> None:
    resolve(_PREPARE)()


def _fault(context: func.Context) -> func.HttpResponse:
    return func.HttpResponse(
        json.dumps(_FAULT),
        status_code=500,
        headers={"Request-Id": str(context.invocation_id)},
        mimetype="application/scim+json",
    )


_loading = Loading(_load, _prepare)
