"""Endpoints of resources: their handlers, and what a request that spans resource types needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.scim.messages import parse_search
from shared.web.listing import Lister
from shared.web.matching import Bounds
from shared.web.requests import ScimRequest
from shared.web.respond import Handlers
from shared.web.responses import ScimResponse
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

    async def _search(self, request: ScimRequest, services: Services) -> ScimResponse:
        """POST /<path>/.search (RFC 7644 section 3.4.3)."""
        query = parse_search(request.json())
        sources = [self.source(request, services)]
        return await Lister(sources, Bounds.of(services.settings)).answer(request, query)
