"""The users of a tenant, walked by cursor (RFC 9865): who is there all the time comes once."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import quote

from tools.provision.client import ScimClient
from tools.provision.results import Operation, ServiceError

_PAGE = 200


async def walk_users(
    client: ScimClient, attributes: Sequence[str]
) -> AsyncIterator[list[dict[str, Any]]]:
    """Read all users, a page at a time.

    Args:
        client: of the tenant.
        attributes: what of each user is read, besides its id.

    Raises:
        ServiceError: they cannot be read to the end.
    """
    query = f"count={_PAGE}&attributes={quote(','.join(attributes), safe=',')}"
    cursor: str | None = ""
    is_first = True
    while cursor is not None:
        path = f"/Users?{query}&cursor={quote(cursor, safe='')}"
        content = await client.call(Operation.READ_BACK, "GET", path)
        users, cursor = _page(content)
        if is_first and cursor is None and content.get("totalResults", 0) > len(users):
            raise ServiceError(Operation.READ_BACK, "the service does not page by cursor")
        is_first = False
        yield users


def _page(content: dict[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    users = content.get("Resources", [])
    cursor = content.get("nextCursor")
    is_list = isinstance(users, list) and all(
        isinstance(each, dict) and isinstance(each.get("id"), str) for each in users
    )
    if not is_list or not isinstance(content.get("totalResults", 0), int):
        raise ServiceError(Operation.READ_BACK, "the answer is no list of users")
    return users, cursor if isinstance(cursor, str) and cursor else None
