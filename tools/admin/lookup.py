"""Finding the one user or group that an operator names, by id or by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from shared.errors import NotFound
from shared.scim.folding import fold
from shared.store.resources import Group, User
from tools.admin.errors import NotDoneError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.store import Store
    from shared.tables.request_context import RequestContext

_Found = TypeVar("_Found", User, Group)


async def user(store: Store, context: RequestContext, named: str) -> User | None:
    """Find a user by id, userName, externalId or e-mail address, in this order. Up to 5 calls.

    Raises:
        NotDoneError: several have that externalId or address.
    """
    try:
        return await store.users.get(context, named)
    except NotFound:
        pass
    found = await store.users.by_user_name(context, fold(named))
    if found is not None:
        return found
    owners = await store.users.by_external_id(context, named)
    owners = owners or await store.users.by_email(context, fold(named))
    return _the_only(owners, f"user {named!r}", "userName")


async def group(store: Store, context: RequestContext, named: str) -> Group | None:
    """Find a group without its members by id, displayName or externalId. Up to 4 calls.

    Raises:
        NotDoneError: several have that externalId.
    """
    try:
        return await store.groups.get(context, named, members=False)
    except NotFound:
        pass
    found = await store.groups.by_display_name(context, fold(named))
    found = found or await store.groups.by_external_id(context, named)
    return _the_only(found, f"group {named!r}", "displayName")


def _the_only(found: Sequence[_Found], what: str, name: str) -> _Found | None:
    if len(found) <= 1:
        return next(iter(found), None)
    listed = ", ".join(f"{each.document[name]} ({each.id})" for each in found[:10])
    raise NotDoneError(f"{len(found)} resources are the {what}; name one by its id: {listed}")
