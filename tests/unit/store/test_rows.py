"""Keys, rows and operations: what is cut, packed, counted and compared before anything is sent."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PayloadTooLarge
from shared.store import layout
from shared.store.claims import group_rows, user_rows
from shared.store.counters import SlotOffset, Totals
from shared.store.layout import pack_document, pack_ids, unpack_document, unpack_ids, with_ids
from shared.store.memberships import MAX_MEMBERS_PER_TRANSACTION, MembershipEdit, cut_into_batches
from shared.tables.operations import Delete, Insert, payload_bytes
from shared.tables.rows import Row, check_size, wire_bytes
from tests.support.documents import group, user

ids = st.lists(st.from_regex(r"[0-9a-f]{32}", fullmatch=True))
text = st.text(st.characters(exclude_categories=["Cs"]))


def utf16_units(value: str) -> int:
    return len(value.encode("utf-16-le")) // 2


@given(text, st.integers(1, 40_000))
def test_a_document_is_cut_at_30000_utf_16_units_and_comes_back(piece: str, repeat: int) -> None:
    document = {"nickName": (piece * repeat)[:100_000]}
    packed = pack_document(document)
    assert all(utf16_units(part) <= 30_000 for part in packed.values())
    assert list(packed) == ["d", *(f"d{n}" for n in range(1, len(packed)))]
    assert unpack_document(packed) == document


@given(ids)
def test_a_list_of_ids_comes_back_in_its_order(some: list[str]) -> None:
    assert unpack_ids(pack_ids(some)) == tuple(some)


def test_a_list_of_ids_is_cut_at_4096_of_them() -> None:
    some = [f"{n:032x}" for n in range(8_193)]
    packed = pack_ids(some)
    assert {name: len(part) for name, part in packed.items()} == {
        "g": 65_536,
        "g1": 65_536,
        "g2": 16,
    }
    assert unpack_ids(packed) == tuple(some)
    assert pack_ids([]) == {}


def test_a_shorter_list_leaves_nothing_of_the_longer_one() -> None:
    long = pack_ids(f"{n:032x}" for n in range(5_000))
    assert with_ids({"d": "{}", "v": 1, **long}, ["0" * 32]) == {
        "d": "{}",
        "v": 1,
        "g": bytes(16),
    }


def test_an_entity_may_have_1_mib_and_252_properties_of_its_own() -> None:
    check_size("u-1", {"d": "x" * 523_000})
    check_size("u-1", {f"p{n}": "" for n in range(252)})
    for values in (
        {"d": "x" * 524_288},
        {"d": "😀" * 262_144},
        {"g": bytes(1_048_576)},
        {f"p{n}": "" for n in range(253)},
    ):
        with pytest.raises(PayloadTooLarge):
            check_size("u-1", values)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), text | st.integers(0, 9)))
def test_the_wire_never_takes_more_than_was_estimated(values: dict[str, str | int]) -> None:
    assert len(json.dumps(values)) <= wire_bytes(values) + 2


def test_an_id_begins_with_8_bits_of_its_folded_name() -> None:
    drawn = {layout.new_id("jo") for _ in range(50)}
    assert len(drawn) == 50
    assert all(layout.is_id(each) for each in drawn)
    assert {layout.slot_of(each) for each in drawn} == {hashlib.sha256(b"jo").hexdigest()[:2]}


def test_change_keys_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_800_000_000_000_000_000
    monkeypatch.setattr("shared.store.layout.time.time_ns", lambda: now)
    earlier = layout.new_change_key()
    now += 1_000_000
    assert earlier < layout.new_change_key()
    assert layout.new_change_key() != layout.new_change_key(), "two of one millisecond"


def test_the_spans_of_the_kinds_do_not_overlap() -> None:
    uid, gid = "0" * 32, "f" * 32
    rows = [
        layout.user_key(uid),
        layout.claim_key("un", "x"),
        layout.owner_key("ux", "x", uid),
        layout.owner_key("ue", "x", uid),
        layout.group_key(gid),
        layout.claim_key("gn", "x"),
        layout.owner_key("gx", "x", gid),
        layout.membership_key(gid, uid),
        layout.counter_key("cu", "00"),
        layout.counter_key("cg", "ff"),
        layout.deleted_group_key(gid),
        layout.deleted_member_key(uid),
        layout.DELETIONS_KEY,
        layout.new_change_key(),
        layout.new_log_key(1),
    ]
    for kind in ("u", "g", "cu", "cg", "l", "p", "q-g", "q-u"):
        span = layout.kind_span(kind)
        inside = [key for key in rows if span.start <= key < span.end]
        assert [key.rpartition("-")[0] for key in inside] == [kind]
    span = layout.memberships_span(gid)
    assert [key for key in rows if span.start <= key < span.end] == [
        layout.membership_key(gid, uid)
    ]
    assert layout.id_in(layout.membership_key(gid, uid)) == uid
    span = layout.owners_span("ue", "x")
    assert [key for key in rows if span.start <= key < span.end] == [
        layout.owner_key("ue", "x", uid)
    ]


def test_index_rows_are_written_as_the_difference_of_old_and_new() -> None:
    old = user("Jo", emails=[{"value": "a@x"}, {"value": "A@X"}, {"value": "b@x"}])
    new = user("JO", externalId="1", emails=[{"value": "B@x"}, {"value": "c@x"}, {"type": "home"}])
    operations = user_rows("1", old).change_to(user_rows("1", new))
    assert [operation.key for operation in operations] == [
        layout.owner_key("ux", "1", "1"),
        layout.owner_key("ue", "c@x", "1"),
        layout.owner_key("ue", "a@x", "1"),
    ]
    assert [type(operation) for operation in operations] == [Insert, Insert, Delete]


def test_only_a_claim_is_unique() -> None:
    rows = user_rows("1", user("jo", externalId="1", emails=[{"value": "a@x"}]))
    assert [op.unique for op in rows.inserts() if isinstance(op, Insert)] == [
        "userName",
        None,
        None,
    ]
    rows = group_rows("1", group("staff", externalId="1"))
    assert [op.unique for op in rows.inserts() if isinstance(op, Insert)] == ["displayName", None]


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 3)), unique_by=lambda s: s[0]))
def test_the_nth_resource_is_in_the_slot_where_counting_ends(
    slots: list[tuple[int, int]],
) -> None:
    by_slot = tuple((f"{slot:02x}", number) for slot, number in sorted(slots))
    totals = Totals(by_slot)
    everyone = [SlotOffset(slot, skip) for slot, number in by_slot for skip in range(number)]
    assert totals.total == len(everyone)
    assert [totals.locate(n) for n in range(len(everyone))] == everyone
    assert totals.locate(len(everyone)) is None


@given(
    st.lists(st.integers(0, 1_000_000), max_size=100),
    st.integers(0, 4_000_000),
)
def test_a_step_takes_40_members_and_3_mib(sizes: list[int], reserved: int) -> None:
    edits = [
        MembershipEdit(Row(f"u-{n:032x}", {"v": 1, "d": "x" * (size // 2)}, "e"), joins=True)
        for n, size in enumerate(sizes)
    ]
    steps = cut_into_batches("f" * 32, edits, reserved)
    assert [edit for step in steps for edit in step] == edits
    for step in steps:
        size = sum(payload_bytes(op) for edit in step for op in edit.operations("f" * 32))
        assert 1 <= len(step) <= MAX_MEMBERS_PER_TRANSACTION
        assert len(step) == 1 or reserved + size <= 3 * 1_048_576
