"""Characteristics that attributes of a deployer may have, and no core one (RFC 7643 section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import Mutability
from shared.scim import documents
from shared.scim.messages import parse_patch
from shared.scim.operations import attributes_in_body, attributes_in_patch
from shared.scim.projection import Projection
from shared.scim.schema import Attribute, ResourceType, Schema

if TYPE_CHECKING:
    from shared.scim.schema import Document
    from tests.unit.scim.conftest import Patched

URN = "urn:example:params:scim:schemas:contoso:2.0:Device"
EXTENSION = "urn:example:params:scim:schemas:extension:contoso:2.0:Asset"
DEVICE = ResourceType(
    name="Device",
    endpoint="/Devices",
    description="A device",
    schema=Schema(
        URN,
        "Device",
        "A device",
        (
            Attribute("serial", mutability="immutable"),
            Attribute("key", case_exact=True, mutability="immutable"),
            Attribute("ports", "integer", multi_valued=True, mutability="immutable"),
            Attribute("label"),
            Attribute(
                "maker",
                "complex",
                sub_attributes=(
                    Attribute("value", mutability="immutable"),
                    Attribute("code", mutability="immutable"),
                    Attribute("city"),
                ),
            ),
            Attribute("notes", returned="request"),
            Attribute("state", mutability="readOnly"),
        ),
    ),
    extensions=(
        Schema(
            EXTENSION,
            "Asset",
            "What accounting knows of it",
            (Attribute("number", "integer", mutability="immutable"), Attribute("owner")),
        ),
    ),
)
HELD: Document = {
    "serial": "A-1",
    "key": "k",
    "ports": [1, 2],
    "maker": {"value": "contoso", "code": "C", "city": "Oslo"},
    EXTENSION: {"number": 7},
}


class TestImmutable:
    def test_what_is_immutable_is_set_when_a_resource_is_created(self) -> None:
        assert documents.create(DEVICE, HELD) == HELD

    @pytest.mark.parametrize(
        "change",
        [
            {"serial": "A-2"},
            {"key": "K"},
            {"ports": [2, 1]},
            {"ports": [1]},
            {"maker": {"value": "other"}},
            {EXTENSION: {"number": 8}},
        ],
        ids=str,
    )
    def test_a_put_does_not_change_it(self, change: Document) -> None:
        """RFC 7644 section 3.5.1."""
        with pytest.raises(Mutability) as refusal:
            documents.replace(DEVICE, HELD, {**HELD, **change})
        assert refusal.value.path in {
            "serial",
            "key",
            "ports",
            "maker.value",
            f"{EXTENSION}:number",
        }
        assert "immutable" in refusal.value.detail

    def test_a_put_that_matches_or_leaves_it_out_keeps_it_as_it_was(self) -> None:
        body = {"serial": "a-1", "label": "x", "maker": {"city": "Rome"}}
        assert documents.replace(DEVICE, HELD, body) == {
            **HELD,
            "label": "x",
            "maker": {"value": "contoso", "code": "C", "city": "Rome"},
        }

    def test_a_put_sets_what_had_no_value(self) -> None:
        body = {"serial": "A-1", "maker": {"value": "contoso"}}
        assert documents.replace(DEVICE, {"label": "x"}, body) == body

    @pytest.mark.parametrize(
        "operation",
        [
            {"op": "replace", "path": "serial", "value": "A-2"},
            {"op": "add", "path": "serial", "value": "A-2"},
            {"op": "add", "value": {"serial": "A-2"}},
            {"op": "remove", "path": "serial"},
            {"op": "replace", "path": "serial", "value": None},
            {"op": "add", "path": "ports", "value": [3]},
            {"op": "remove", "path": "ports"},
            {"op": "replace", "path": "maker.value", "value": "other"},
            {"op": "remove", "path": "maker.code"},
            {"op": "replace", "path": f"{EXTENSION}:number", "value": 8},
        ],
        ids=str,
    )
    def test_a_patch_neither_changes_nor_removes_it(self, patched: Patched, operation: Any) -> None:
        """RFC 7644 section 3.5.2."""
        first = {"op": "replace", "path": "label", "value": "x"}
        with pytest.raises(Mutability) as refusal:
            patched(HELD, first, operation, of=DEVICE)
        assert refusal.value.operation == 1

    def test_a_patch_adds_it_where_it_has_no_value_but_once(self, patched: Patched) -> None:
        add = {"op": "add", "path": "serial", "value": "A-1"}
        assert patched({"label": "x"}, add, of=DEVICE) == {"label": "x", "serial": "A-1"}
        with pytest.raises(Mutability):
            patched({}, add, {**add, "value": "A-2"}, of=DEVICE)

    def test_a_patch_that_matches_changes_nothing(self, patched: Patched) -> None:
        same = {"op": "replace", "value": {"serial": "a-1", "ports": [1, 2], "maker": "contoso"}}
        assert patched(HELD, same, of=DEVICE) == HELD

    def test_the_whole_of_what_has_an_immutable_part_may_be_removed(self, patched: Patched) -> None:
        removed = patched(HELD, {"op": "remove", "path": "maker"}, of=DEVICE)
        assert "maker" not in removed


class TestReadOnly:
    def test_what_is_read_only_is_passed_over(self, patched: Patched) -> None:
        assert documents.create(DEVICE, {"state": "x", "label": "y"}) == {"label": "y"}
        operation = {"op": "replace", "value": {"state": "x"}}
        assert patched({"label": "y"}, operation, of=DEVICE) == {"label": "y"}

    def test_a_path_that_names_it_is_refused(self, patched: Patched) -> None:
        for op in ("add", "replace", "remove"):
            with pytest.raises(Mutability) as refusal:
                patched({"label": "y"}, {"op": op, "path": "state", "value": "x"}, of=DEVICE)
            assert refusal.value.path == "state"


SHOWN: Document = {"id": "1", "label": "x", "notes": "n"}


class TestShownOnRequest:
    def shown(self, attributes: str | None = None, excluded: str | None = None, **body: Any) -> Any:
        named = attributes_in_body(DEVICE, body)
        return Projection.parse(DEVICE, attributes, excluded, named).apply(SHOWN)

    def test_it_is_shown_when_it_is_asked_for(self) -> None:
        assert self.shown() == {"id": "1", "label": "x"}
        assert self.shown("notes") == {"id": "1", "notes": "n"}

    def test_the_answer_to_a_write_shows_it_when_it_was_written(self) -> None:
        """RFC 7643 section 7: "if the attribute was specified by the client"."""
        assert self.shown(notes="n") == SHOWN
        assert self.shown(label="x") == {"id": "1", "label": "x"}
        assert self.shown("label", notes="n") == {"id": "1", "label": "x"}
        assert self.shown(None, "notes", notes="n") == {"id": "1", "label": "x"}

    @pytest.mark.parametrize(
        ("operation", "names"),
        [
            ({"op": "replace", "path": "notes", "value": "n"}, ["notes"]),
            ({"op": "remove", "path": f"{URN}:notes"}, ["notes"]),
            ({"op": "add", "value": {"notes": "n", "label": "x"}}, ["notes", "label"]),
            ({"op": "add", "path": "unknown", "value": "n"}, []),
        ],
    )
    def test_a_patch_writes_what_its_operations_name(
        self, operation: Any, names: list[str]
    ) -> None:
        operations = parse_patch({"Operations": [operation]})
        assert [path.text for path in attributes_in_patch(DEVICE, operations)] == names
