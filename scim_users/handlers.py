"""What /Users does with each method (RFC 7644 section 3)."""

from collections.abc import Callable

from scim_users.presentation import UserSource, resource_of
from shared.scim import documents, patch
from shared.scim.messages import parse_patch
from shared.scim.schema import Document
from shared.store.resources import User
from shared.web import responses
from shared.web.listing import Lister
from shared.web.matching import Bounds
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.services import Services

Change = Callable[[Document], Document]


def open_users(request: ScimRequest, services: Services) -> UserSource:
    """Open the users of the request's tenant, to be listed."""
    return UserSource(request, services.store.users, services.catalogue)


async def list_users(request: ScimRequest, services: Services) -> ScimResponse:
    """GET /Users."""
    sources = [open_users(request, services)]
    return await Lister(sources, Bounds.of(services.settings)).list(request)


async def create_user(request: ScimRequest, services: Services) -> ScimResponse:
    """POST /Users."""
    document = documents.create(services.catalogue.user, request.json())
    user = await services.store.users.create(request.context, document)
    return _answer(201, request, services, user)


async def get_user(request: ScimRequest, services: Services) -> ScimResponse:
    """GET /Users/{id}."""
    groups = request.projection(services.catalogue.user).includes("groups")
    user = await services.store.users.get(request.context, request.resource_id, groups=groups)
    if request.has_already(str(user.version)):
        return responses.not_modified(user.id, str(user.version))
    return _answer(200, request, services, user)


async def replace_user(request: ScimRequest, services: Services) -> ScimResponse:
    """PUT /Users/{id}."""
    user_type, body = services.catalogue.user, request.json()
    return await _update(request, services, lambda user: documents.replace(user_type, user, body))


async def patch_user(request: ScimRequest, services: Services) -> ScimResponse:
    """PATCH /Users/{id}."""
    user_type, operations = services.catalogue.user, parse_patch(request.json())
    return await _update(request, services, lambda user: patch.apply(user_type, user, operations))


async def delete_user(request: ScimRequest, services: Services) -> ScimResponse:
    """DELETE /Users/{id}."""
    await services.store.users.delete(request.context, request.resource_id, request.precondition)
    return responses.no_content(request.resource_id)


async def _update(request: ScimRequest, services: Services, change: Change) -> ScimResponse:
    user = await services.store.users.update(
        request.context, request.resource_id, change, request.precondition
    )
    return _answer(200, request, services, user)


def _answer(status: int, request: ScimRequest, services: Services, user: User) -> ScimResponse:
    resource = resource_of(request, services.catalogue, user)
    projection = request.projection(services.catalogue.user)
    return responses.of_resource(status, resource, projection.apply(resource))
