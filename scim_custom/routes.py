"""The functions of types that the deployer has added.

Functions are registered before any file is read, so three routes take every path of their form and
look its type up. Their names sort after those of all literal routes, which are tried before.
"""

from collections.abc import Mapping

from scim_custom.endpoints import find_endpoint
from shared.scim.errors import NotFound
from shared.web.endpoints import Handlers, new_blueprint, serve_chosen
from shared.web.resource_endpoints import ResourceEndpoint
from shared.web.services import Services

custom = new_blueprint()


def _found(route_params: Mapping[str, str], services: Services) -> ResourceEndpoint:
    endpoint = find_endpoint(services, route_params["endpoint"])
    if endpoint is None:
        raise NotFound("There is no such endpoint; /ResourceTypes lists those that there are.")
    return endpoint


def _collection(route_params: Mapping[str, str], services: Services) -> Handlers:
    return _found(route_params, services).collection


def _searches(route_params: Mapping[str, str], services: Services) -> Handlers:
    return _found(route_params, services).searches


def _item(route_params: Mapping[str, str], services: Services) -> Handlers:
    return _found(route_params, services).item


serve_chosen(custom, "zr_resources", "{endpoint}", _collection)
serve_chosen(custom, "zr_resources_dot_search", "{endpoint}/.search", _searches)
serve_chosen(custom, "zr_resources_id", "{endpoint}/{id}", _item)
