"""The order of bulk operations that refer to each other, and how references are resolved."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Conflict, InvalidValue
from shared.scim.bulk import (
    BulkOperation,
    BulkStep,
    references,
    resolve_references,
    steps,
    without,
)
from shared.scim.messages import parse_bulk


def post(index: int, bulk_id: str, *named: str) -> BulkOperation:
    """A POST that refers to the bulk ids it is given."""
    members = [{"value": f"bulkId:{name}"} for name in named]
    return BulkOperation(index, "POST", "/Groups", bulk_id, data={"members": members})


def planned(*operations: BulkOperation) -> list[str]:
    """Name the steps: `a`, `a-` without what closes a circle, `a+` with it."""
    return [_name(step) for step in steps(operations)]


def _name(step: BulkStep) -> str:
    return f"{step.operation.bulk_id}{'-' if step.later else '+' if step.completes else ''}"


def test_without_references_the_order_is_that_of_the_request() -> None:
    assert planned(post(0, "c"), post(1, "a"), post(2, "b")) == ["c", "a", "b"]


def test_what_is_referred_to_comes_first() -> None:
    assert planned(post(0, "a", "c"), post(1, "b"), post(2, "c")) == ["c", "a", "b"]


def test_what_stands_before_a_reference_is_not_overtaken_by_what_stands_after_it() -> None:
    patch = BulkOperation(0, "PATCH", "/Users/1", "p", data={"manager": "bulkId:z"})
    delete = BulkOperation(1, "DELETE", "/Users/1", "d")
    assert planned(patch, delete, post(2, "z")) == ["z", "p", "d"]


def test_a_circle_is_closed_by_a_second_step() -> None:
    assert planned(post(0, "a", "b"), post(1, "b", "a")) == ["b-", "a", "b+"]


def test_a_resource_that_refers_to_itself_is_completed_at_once() -> None:
    assert planned(post(0, "a", "a"), post(1, "b")) == ["a-", "a+", "b"]


def test_two_circles_through_one_resource_are_both_closed() -> None:
    order = planned(post(0, "a", "b", "c"), post(1, "b", "a"), post(2, "c", "a"))
    assert order == ["b-", "c-", "a", "b+", "c+"]


def test_a_chain_may_be_as_long_as_a_request() -> None:
    chain = [post(n, f"{n}", f"{n + 1}") for n in range(999)]
    assert planned(*chain, post(999, "999")) == [str(n) for n in reversed(range(1_000))]


def test_a_reference_to_nothing_is_refused_with_its_operation() -> None:
    with pytest.raises(InvalidValue, match="'nobody', which no POST") as refused:
        steps([post(0, "a"), post(1, "b", "nobody")])
    assert refused.value.operation == 1


def test_only_a_post_can_be_referred_to() -> None:
    patch = BulkOperation(0, "PATCH", "/Users/1", "p", data={})
    with pytest.raises(InvalidValue, match="no POST"):
        steps([patch, post(1, "b", "p")])


@given(
    st.integers(1, 8).flatmap(
        lambda size: st.lists(st.sets(st.integers(0, size - 1)), min_size=size, max_size=size)
    )
)
def test_every_reference_is_known_when_it_is_used(graph: list[set[int]]) -> None:
    """Whatever refers to whatever: all is created once, and completed where it had to wait."""
    operations = [post(n, str(n), *map(str, named)) for n, named in enumerate(graph)]
    created: set[str] = set()
    incomplete: set[str] = set()
    for step in steps(operations):
        name = str(step.operation.bulk_id)
        if step.completes:
            assert references(step.operation) <= created
            incomplete.remove(name)
            continue
        assert name not in created
        assert references(step.operation) - step.later <= created
        created.add(name)
        incomplete |= {name} if step.later else set()
    assert created == {str(n) for n in range(len(graph))}
    assert not incomplete


REFERRING: list[tuple[Any, Any]] = [
    ({"members": [{"value": "bulkId:a"}]}, {"members": [{"value": "1"}]}),
    ({"manager": "bulkId:a"}, {"manager": "1"}),
    (
        {"Operations": [{"op": "remove", "path": 'members[value eq "bulkId:a"]'}]},
        {"Operations": [{"op": "remove", "path": 'members[value eq "1"]'}]},
    ),
    (
        {"Operations": [{"op": "remove", "path": "members[value eq 'bulkId:a']"}]},
        {"Operations": [{"op": "remove", "path": "members[value eq '1']"}]},
    ),
    (
        {"Operations": [{"op": "remove", "path": "members[value eq bulkId:a]"}]},
        {"Operations": [{"op": "remove", "path": "members[value eq 1]"}]},
    ),
    (
        {"Operations": [{"op": "add", "value": {'members[value eq "bulkId:a"].x': 1}}]},
        {"Operations": [{"op": "add", "value": {'members[value eq "1"].x': 1}}]},
    ),
    ({"manager": "bulkid:a"}, {"manager": "1"}),
    ({"manager": " BULKID:a "}, {"manager": "1"}),
    ({"manager": {"$ref": "../Users/bulkId:a"}}, {"manager": {"$ref": "../Users/1"}}),
    ({"$ref": "https://x.test/Users/bulkId%3Aa/"}, {"$ref": "https://x.test/Users/1/"}),
    ({"manager": '{"value":"bulkId:a"}'}, {"manager": '{"value": "1"}'}),
    ({"members": '[{"value":"bulkId:a"},"7"]'}, {"members": '[{"value": "1"}, "7"]'}),
    ({"members": ['{"$ref":"../Users/bulkid:a"}']}, {"members": ['{"$ref": "../Users/1"}']}),
    (
        {"Operations": [{"op": "remove", "path": 'members[value eq " bulkid:a "]'}]},
        {"Operations": [{"op": "remove", "path": 'members[value eq "1"]'}]},
    ),
]


@pytest.mark.parametrize(("data", "resolved"), REFERRING)
def test_references_are_resolved_wherever_they_stand(data: Any, resolved: Any) -> None:
    operation = BulkOperation(0, "PATCH", "/Groups/bulkId:a", data=data)
    assert references(operation) == {"a"}
    done = resolve_references(operation, {"a": "1"})
    assert (done.path, done.data) == ("/Groups/1", resolved)


def test_a_bulk_id_may_hold_the_other_quotation_mark() -> None:
    for path, bulk_id in (
        ('members[value eq "bulkId:o\'x"]', "o'x"),
        ("members[value eq 'bulkId:o\"x']", 'o"x'),
    ):
        data = {"Operations": [{"op": "remove", "path": path}]}
        assert references(BulkOperation(0, "PATCH", "/Groups/1", data=data)) == {bulk_id}


@pytest.mark.parametrize(
    "text", ["see bulkId:a", "bulkId:", "bulkId: ", 'say "bulkId:a"', "{bulkId:a}"]
)
def test_text_that_only_speaks_of_a_bulk_id_is_left_alone(text: str) -> None:
    operation = BulkOperation(0, "POST", "/Users", "b", data={"title": text})
    assert references(operation) == frozenset()
    assert resolve_references(operation, {}).data == {"title": text}


def test_a_reference_to_what_was_not_created_is_refused() -> None:
    with pytest.raises(Conflict, match="'a' was not created"):
        resolve_references(post(0, "b", "a"), {})


def test_what_waits_is_left_out_with_the_complex_value_that_holds_it() -> None:
    data = {
        "userName": "ana",
        "urn:x": {"manager": {"value": "bulkId:b", "displayName": "Bo"}, "department": "R&D"},
        "members": [{"value": "bulkId:b"}, {"value": "bulkId:c"}, {"value": "7"}],
    }
    left = without(BulkOperation(0, "POST", "/Users", "a", data=data), frozenset({"b"}))
    assert left.data == {
        "userName": "ana",
        "urn:x": {"department": "R&D"},
        "members": [{"value": "bulkId:c"}, {"value": "7"}],
    }


def test_what_waits_is_left_out_in_every_form_of_a_reference() -> None:
    for value in (" bulkid:b", '{"value":"bulkId:b"}', {"$ref": "../Users/bulkId:b"}):
        data = {"userName": "ana", "manager": value, "members": [value, "7"]}
        left = without(BulkOperation(0, "POST", "/Users", "a", data=data), frozenset({"b"}))
        assert left.data == {"userName": "ana", "members": ["7"]}


def test_a_long_text_is_searched_for_references_in_no_time() -> None:
    for text in ("bulkId:" + " " * 200_000 + "x", " " * 200_000, "[" * 200_000, "/" * 200_000):
        references(BulkOperation(0, "POST", "/Users", "a", data={"title": text}))


def test_names_and_methods_are_read_in_any_letter_case() -> None:
    operations, accepted = parse_bulk(
        {
            "FAILONERRORS": 2,
            "operations": [
                {"Method": "post", "PATH": " /Users ", "BulkId": "a", "Data": {"x": 1}},
                {"method": "delete", "path": "/Users/1", "version": 'W/"1"', "data": {}},
            ],
        }
    )
    assert accepted == 2
    assert operations == [
        BulkOperation(0, "POST", "/Users", "a", data={"x": 1}),
        BulkOperation(1, "DELETE", "/Users/1", version='W/"1"'),
    ]
