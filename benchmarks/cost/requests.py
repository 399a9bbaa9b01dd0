"""The requests that an identity provider sends, and what each of them costs.

The shapes are those of Microsoft Entra ID, as `tools/provision` sends them. What a request costs
in storage is taken from `operations.py`; `--measure` sends each of them to the service and refuses
to go on when the service counts something else.
"""

from enum import StrEnum
from typing import Final

from benchmarks.cost.operations import Cost, create_user, delete_user, expected_costs

_COSTS: Final = expected_costs(members=0)


class Request(StrEnum):
    """One kind of request."""

    PROBE_USER = "probe user"
    PROBE_GROUP = "probe group"
    MATCH_USER = "match user, none yet"
    CREATE_USER = "create user"
    CHECK_MANAGER = "check manager"
    SET_MANAGER = "set manager"
    MATCH_GROUP = "match group, none yet"
    CREATE_GROUP = "create group"
    CHECK_MEMBER = "check member"
    ADD_MEMBER = "add member"
    FIND_USER = "find user in groups"
    UPDATE_USER = "update user in groups"
    FIND_GROUP = "find group"
    REMOVE_MEMBER = "remove member"
    DELETE_USER = "delete user"


COSTS: Final[dict[Request, Cost]] = {
    Request.PROBE_USER: _COSTS["userName eq, miss"],
    Request.PROBE_GROUP: _COSTS["displayName eq, miss"],
    Request.MATCH_USER: _COSTS["userName eq, miss"],
    Request.CREATE_USER: create_user(external_ids=1, emails=1),
    Request.CHECK_MANAGER: _COSTS["get user"],
    Request.SET_MANAGER: _COSTS["PATCH user"],
    Request.MATCH_GROUP: _COSTS["displayName eq, miss"],
    Request.CREATE_GROUP: _COSTS["create group with externalId"],
    Request.CHECK_MEMBER: _COSTS["membership check"],
    Request.ADD_MEMBER: _COSTS["add a member"],
    Request.FIND_USER: _COSTS["userName eq, in a group"],
    Request.UPDATE_USER: _COSTS["PATCH user in a group"],
    Request.FIND_GROUP: _COSTS["displayName eq"],
    Request.REMOVE_MEMBER: _COSTS["remove a member"],
    Request.DELETE_USER: delete_user(external_ids=1, emails=1, groups=1),
}
"""What each request costs; a user has an externalId and one e-mail, and leaves one group at last.

Each of those that write does so by one transaction, so `Cost.per_entity` holds for it.
"""
