"""How one tenant would be spread over several partitions: the rule, and what it would cost.

The service does not do so; docs/scale.md says when it would have to. The rule is here, and not in
the store, because nothing but the document uses it yet. What the store does already is to draw ids
whose first 8 bits come from the name (`shared/store/layout.py`), so that the rule can be applied to
tenants that exist.
"""

from dataclasses import dataclass
from typing import Final

from benchmarks.cost.operations import Cost, create_user, delete_user, expected_costs

SLOTS: Final = 256
"""What 8 bits tell apart: the counters' slots, and the most partitions."""

_TODAY: Final = expected_costs(members=0)


def partition_of(tenant: str, resource_id: str, partitions: int) -> str:
    """Name the partition of a resource by the first 8 bits of its id.

    Partitions are ranges of slots, so the order of ids is the order of partitions, and doubling
    their number splits each in two. A name of a tenant has no `--`, so no two tenants meet.

    Args:
        tenant: name of the tenant, which is its partition while it has one.
        resource_id: 32 hex digits.
        partitions: 1, 2, 4 ... 256.

    Raises:
        ValueError: another number of partitions.
    """
    if partitions < 1 or SLOTS % partitions:
        raise ValueError(f"{partitions} partitions: the number must divide {SLOTS}")
    if partitions == 1:
        return tenant
    slot = int(resource_id[:2], 16)
    return f"{tenant}--{slot * partitions // SLOTS:02x}"


@dataclass(frozen=True, slots=True)
class Operation:
    """What becomes of an operation.

    Attributes:
        name: the operation.
        today: what it costs in one partition.
        spread: what it costs in several.
        why: what is one transaction no more, or is asked of every partition.
    """

    name: str
    today: Cost
    spread: Cost
    why: str = "as today"


def operations(partitions: int) -> list[Operation]:
    """List the operations that a provisioning client uses."""
    user = create_user(external_ids=1, emails=1)
    gone = delete_user(external_ids=1, emails=1, groups=1)
    rename, add = _TODAY["rename user"], _TODAY["add a member"]
    count = _TODAY["count users"]
    return [
        Operation("`userName eq`", _TODAY["userName eq"], _TODAY["userName eq"]),
        Operation("get a user", _TODAY["get user"], _TODAY["get user"]),
        Operation("PATCH a user", _TODAY["PATCH user"], _TODAY["PATCH user"]),
        Operation("membership check", _TODAY["membership check"], _TODAY["membership check"]),
        Operation(
            "create a user, externalId and an e-mail",
            user,
            Cost(user.calls + 2, user.entities),
            "both keys lie by their own hash: inserted before, one call each",
        ),
        Operation(
            "delete that user, in a group",
            gone,
            Cost(gone.calls + 2, gone.entities),
            "both keys are deleted after, one call each",
        ),
        Operation(
            "rename a user",
            rename,
            Cost(rename.calls + 2, rename.entities),
            "the new name's claim is inserted before, the old one's deleted after",
        ),
        Operation(
            "add or remove a member",
            add,
            Cost(add.calls + 1, add.entities),
            "the touch of the group is a call of its own",
        ),
        Operation(
            "`count=0`",
            count,
            Cost(count.calls * partitions),
            "the counters of every partition",
        ),
    ]
