"""Routes: which function takes which path, as plain data.

To index the functions, this module, what it imports and the `routes` of their packages are
imported, and nothing else of ours. What serves a route stands in `endpoints`, under its name.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import azure.functions as func

from shared.web import host_log
from shared.web.loading import load_endpoints
from shared.web.package_check import MismatchedPackagesError

ROOTS = {"": "scim/v2", "tenant_": "tenants/{tenant}/scim/v2"}
"""Where the tenant `default` and the others are served, by the prefix of the functions' names."""

# What `InternalError` says, for when not even that can be imported.
_FAULT = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "500"}
_PROBLEM = {"type": "/problems/internal-error", "title": "Internal error", "status": 500}
_IN_THE_LOG = "The service could not be loaded; its operator finds the reason in the log."


@dataclass(frozen=True, slots=True)
class Route:
    """The path of an endpoint.

    Attributes:
        name: of the endpoint, and of the function. The host tries routes in the order of the
            functions' names, so the name of a route with a literal must sort before that of a
            route with a parameter in the same place.
        path: below the root; "" for the root itself.
        per_tenant: whether it is served below each of `ROOTS`; otherwise once, at the root of the
            host.
        problems: whether its refusals are problem documents (RFC 9457) instead of SCIM errors.
    """

    name: str
    path: str
    per_tenant: bool = True
    problems: bool = False

    @property
    def templates(self) -> dict[str, str]:
        """The templates that the host matches, by the name of the function that takes each."""
        if not self.per_tenant:
            return {self.name: self.path}
        return {
            f"{prefix}{self.name}": f"{root}/{self.path}".rstrip("/")
            for prefix, root in ROOTS.items()
        }


def register(app: func.FunctionApp, routes: Iterable[Route]) -> None:
    """Register the functions of the routes, for all methods."""
    for route in routes:
        for name, template in route.templates.items():
            _register(app, route, name, template)


def _register(app: func.FunctionApp, route: Route, name: str, template: str) -> None:
    """Register one function, which lists no methods: the host answers others with an empty 404."""

    async def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        with host_log.invocation():
            try:
                loaded = await load_endpoints()
            except MismatchedPackagesError as fault:
                return _fault(route, context, str(fault))
            except Exception:  # noqa: BLE001 - in the log; the host would answer with an empty 500
                return _fault(route, context, _IN_THE_LOG)
            endpoint = loaded.ENDPOINTS[route.name]
            return await loaded.respond(endpoint, req, context, template, problems=route.problems)

    routed = app.route(route=template, auth_level=func.AuthLevel.ANONYMOUS)(main)
    app.function_name(name)(routed)


def _fault(route: Route, context: func.Context, detail: str) -> func.HttpResponse:
    request_id = str(context.invocation_id)
    problem = {**_PROBLEM, "detail": detail, "instance": request_id}
    return func.HttpResponse(
        json.dumps(problem if route.problems else {**_FAULT, "detail": detail}),
        status_code=500,
        headers={"Request-Id": request_id},
        mimetype="application/problem+json" if route.problems else "application/scim+json",
    )
