"""Which partition a resource lies in, by the first 8 bits of its id (docs/scale.md)."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from benchmarks.cost.sharding import SLOTS, partition_of
from shared.store import layout
from shared.tenants import of_path

NUMBERS = [1, 2, 4, 8, 16, 32, 64, 128, 256]
IDS = [f"{slot:02x}{'a' * 30}" for slot in range(SLOTS)]
"""One id of each counter slot, in id order."""


def test_one_partition_is_the_tenant_as_today() -> None:
    assert {partition_of("contoso", each, 1) for each in IDS} == {"contoso"}


@pytest.mark.parametrize(
    ("begin", "partitions", "partition"),
    [
        ("00", 2, "contoso--00"),
        ("7f", 2, "contoso--00"),
        ("80", 2, "contoso--01"),
        ("ff", 2, "contoso--01"),
        ("1f", 8, "contoso--00"),
        ("20", 8, "contoso--01"),
        ("ff", 8, "contoso--07"),
        ("9c", 256, "contoso--9c"),
    ],
)
def test_the_first_8_bits_choose_the_partition(begin: str, partitions: int, partition: str) -> None:
    assert partition_of("contoso", begin + "0" * 30, partitions) == partition
    assert partition_of("contoso", begin + "f" * 30, partitions) == partition


@pytest.mark.parametrize("partitions", NUMBERS)
def test_every_partition_holds_as_many_slots(partitions: int) -> None:
    held = Counter(partition_of("contoso", each, partitions) for each in IDS)
    assert set(held.values()) == {SLOTS // partitions}
    assert len(held) == partitions


@pytest.mark.parametrize("partitions", NUMBERS)
def test_the_order_of_ids_is_the_order_of_partitions(partitions: int) -> None:
    order = [partition_of("contoso", each, partitions) for each in IDS]
    assert order == sorted(order)


@pytest.mark.parametrize(("few", "many"), list(pairwise(NUMBERS[1:])))
def test_to_double_the_number_splits_each_partition_in_two(few: int, many: int) -> None:
    parts: dict[str, set[str]] = {}
    for each in IDS:
        parts.setdefault(partition_of("t", each, few), set()).add(partition_of("t", each, many))
    assert {len(halves) for halves in parts.values()} == {2}
    assert len(set().union(*parts.values())) == many


@pytest.mark.parametrize("partitions", NUMBERS)
def test_a_counter_lies_with_the_users_that_it_counts(partitions: int) -> None:
    uid = layout.new_id("ana@contoso.test")
    slot = layout.slot_of(uid)
    assert partition_of("t", slot + "0" * 30, partitions) == partition_of("t", uid, partitions)


@pytest.mark.parametrize("partitions", NUMBERS)
def test_a_user_lies_where_its_name_at_creation_leads(partitions: int) -> None:
    # So the claim on the name needs no other transaction than the user.
    first, again = (layout.new_id("ana@contoso.test") for _ in range(2))
    assert first != again
    assert partition_of("t", first, partitions) == partition_of("t", again, partitions)


def test_a_partition_of_one_tenant_is_no_other_tenant() -> None:
    assert of_path("contoso") == "contoso"
    assert of_path(partition_of("contoso", IDS[0], 8)) is None


@pytest.mark.parametrize("partitions", [-1, 0, 3, 10, 512])
def test_another_number_of_partitions_is_refused(partitions: int) -> None:
    with pytest.raises(ValueError, match="must divide 256"):
        partition_of("contoso", IDS[0], partitions)
