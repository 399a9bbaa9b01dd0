"""The rule by which one tenant would be spread over several partitions.

The service does not do so; docs/scale.md says when it would have to, and what it would cost. The
rule is here, and not in the store, because nothing but the document uses it yet. What the store
does already is to draw ids whose first 8 bits come from the name (`shared/store/layout.py`), so
that the rule can be applied to tenants that exist.
"""

from typing import Final

SLOTS: Final = 256
"""What 8 bits tell apart: the counters' slots, and the most partitions."""


def partition_of(tenant: str, resource_id: str, partitions: int) -> str:
    """Name the partition of a resource by the first 8 bits of its id.

    Partitions are ranges of slots, so the order of ids is the order of partitions, and doubling
    their number splits each in two. A name of a tenant has no `--`, so no two tenants meet.

    Args:
        tenant: Name of the tenant, which is its partition while it has one.
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
