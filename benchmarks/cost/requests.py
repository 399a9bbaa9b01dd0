"""The requests that an identity provider sends, and what each of them costs.

The shapes are those of Microsoft Entra ID, as `tools/provision` sends them. A user has an
externalId and one e-mail, and leaves one group at last. What a request costs in storage is taken
from `operations.py`; `--measure` sends each of them to the service and refuses to go on when the
service counts something else. Those that write do so by one transaction, as `Cost.per_entity` asks.
"""

from enum import StrEnum
from typing import Final, Self

from benchmarks.cost.operations import Cost, create_user, delete_user, expected_costs

_COSTS: Final = expected_costs(members=0)


class Request(StrEnum):
    """One kind of request, and its cost."""

    cost: Cost

    def __new__(cls, name: str, cost: Cost) -> Self:
        """Take the name alone as the value."""
        member = str.__new__(cls, name)
        member._value_, member.cost = name, cost
        return member

    PROBE_USER = "probe user", _COSTS["userName eq, miss"]
    PROBE_GROUP = "probe group", _COSTS["displayName eq, miss"]
    MATCH_USER = "match user, none yet", _COSTS["userName eq, miss"]
    CREATE_USER = "create user", create_user(external_ids=1, emails=1)
    CHECK_MANAGER = "check manager", _COSTS["get user"]
    SET_MANAGER = "set manager", _COSTS["PATCH user"]
    MATCH_GROUP = "match group, none yet", _COSTS["displayName eq, miss"]
    CREATE_GROUP = "create group", _COSTS["create group with externalId"]
    CHECK_MEMBER = "check member", _COSTS["membership check"]
    ADD_MEMBER = "add member", _COSTS["add a member"]
    FIND_USER = "find user in groups", _COSTS["userName eq, in a group"]
    UPDATE_USER = "update user in groups", _COSTS["PATCH user in a group"]
    FIND_GROUP = "find group", _COSTS["displayName eq"]
    REMOVE_MEMBER = "remove member", _COSTS["remove a member"]
    DELETE_USER = "delete user", delete_user(external_ids=1, emails=1, groups=1)
