"""Endpoints of resources: their routes, and what a request that spans resource types needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import azure.functions as func

from shared.scim.messages import parse_search
from shared.web.answers import Answer
from shared.web.endpoints import Handlers, serve
from shared.web.listing import Lister
from shared.web.matching import Bounds
from shared.web.requests import ScimRequest
from shared.web.services import Services
from shared.web.sources import Source


@dataclass(frozen=True, slots=True)
class ResourceEndpoint:
    """The endpoint of one resource type.

    Attributes:
        path: below the root, `Users`.
        collection: handlers of `Users` by HTTP method.
        item: handlers of `Users/{id}` by HTTP method.
        source: opens the resources of the request's tenant, to be listed.
    """

    path: str
    collection: Handlers
    item: Handlers
    source: Callable[[ScimRequest, Services], Source[Any]]

    @property
    def searches(self) -> Handlers:
        """Handlers of `Users/.search` by HTTP method."""
        return {"POST": self._search}

    async def _search(self, request: ScimRequest, services: Services) -> Answer:
        """POST /<path>/.search (RFC 7644 section 3.4.3)."""
        query = parse_search(request.json())
        sources = [self.source(request, services)]
        return await Lister(sources, Bounds.of(services.settings)).answer(request, query)


def serve_resources(blueprint: func.Blueprint, name: str, endpoint: ResourceEndpoint) -> None:
    """Register the functions of an endpoint of resources; `name` as in `serve`."""
    serve(blueprint, name, endpoint.path, endpoint.collection)
    # The name sorts before that of the next route, which takes `.search` for an id.
    serve(blueprint, f"{name}_dot_search", f"{endpoint.path}/.search", endpoint.searches)
    serve(blueprint, f"{name}_id", f"{endpoint.path}/{{id}}", endpoint.item)
