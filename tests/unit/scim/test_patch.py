"""PATCH: what each operation does to a document, by the RFC and as Entra means it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import (
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    Mutability,
    NoTarget,
    PayloadTooLarge,
    ScimError,
)
from shared.scim import patch
from shared.scim.core_schemas import ENTERPRISE_USER_SCHEMA, GROUP, USER, USER_SCHEMA
from shared.scim.effort import MAX_EFFORT
from shared.scim.schema import Attribute, ResourceType, Schema

if TYPE_CHECKING:
    from shared.scim.schema import Document
    from tests.unit.scim.conftest import Patched

WORK = {"type": "work", "value": "w@x"}
HOME = {"type": "home", "value": "h@x"}


def add(path: str, value: Any) -> Document:
    return {"op": "add", "path": path, "value": value}


def replace(path: str, value: Any) -> Document:
    return {"op": "replace", "path": path, "value": value}


def remove(path: str, **value: Any) -> Document:
    return {"op": "remove", "path": path, **value}


class TestSingleValues:
    @pytest.mark.rfc("7644-3.5.2.3-missing")
    @pytest.mark.parametrize("op", ["add", "Add", "ADD", " replace ", "Replace"])
    def test_add_and_replace_set_the_value(self, patched: Patched, user: Document, op: str) -> None:
        changed = patched(user, {"op": op, "path": "title", "value": "Dr"})
        assert changed == {**user, "title": "Dr"}

    @pytest.mark.parametrize("value", ["", None, [], {"value": ""}, [{"value": None}]])
    @pytest.mark.parametrize("op", ["add", "replace"])
    def test_nothing_unassigns_it(
        self, patched: Patched, user: Document, op: str, value: Any
    ) -> None:
        changed = patched({**user, "title": "Dr"}, {"op": op, "path": "title", "value": value})
        assert changed == user

    def test_remove_unassigns_it_or_the_value_that_stands_beside(
        self, patched: Patched, user: Document
    ) -> None:
        titled = {**user, "title": "Dr"}
        named: list[Any] = [None, "", [], "dr", ["Dr"], {"value": "Dr"}]
        for value in named:
            assert patched(titled, remove("title", value=value)) == user
        assert patched(titled, remove("title")) == user
        assert patched(titled, remove("title", value="Mr")) == titled
        wrong: list[Any] = [{}, {"foo": "Dr"}, True, ["Dr", "Mr"]]
        for value in wrong:
            with pytest.raises(InvalidValue):
                patched(titled, remove("title", value=value))

    def test_remove_of_what_is_not_there_succeeds(self, patched: Patched, user: Document) -> None:
        paths = ["title", "emails", "name.givenName", 'emails[type eq "x"]', "manager", "emails.x"]
        assert patched(user, *map(remove, paths)) == user

    @pytest.mark.parametrize("value", [{}, [{}], [[]], {"foo": "x"}, True, ["a", "b"]])
    @pytest.mark.parametrize("op", ["add", "replace"])
    def test_what_is_no_text_is_refused(
        self, patched: Patched, user: Document, op: str, value: Any
    ) -> None:
        for operation in (
            {"op": op, "path": "title", "value": value},
            {"op": op, "value": {"title": value}},
        ):
            with pytest.raises(InvalidValue):
                patched({**user, "title": "Dr"}, operation)

    @pytest.mark.parametrize("value", ["", None, []])
    def test_active_is_not_cleared_by_a_value_that_is_none(
        self, patched: Patched, user: Document, value: Any
    ) -> None:
        for held in (user, {**user, "active": False}, {"userName": "ana"}):
            assert patched(held, replace("active", value)) == held

    def test_a_removed_active_is_gone_and_no_default_enables_the_user_again(
        self, patched: Patched, user: Document
    ) -> None:
        removed = {"userName": user["userName"]}
        assert patched({**user, "active": False}, remove("active")) == removed
        assert patched(removed, replace("title", "Dr"), remove("title")) == removed

    @pytest.mark.parametrize(
        "path",
        [
            *("id", "ID", f"{USER_SCHEMA}:id", "meta", "meta.created", "meta.location", "schemas"),
            *("groups", "groups.value", 'groups[value eq "g"]', 'groups[value eq "g"].display'),
            *("manager.displayName", f"{ENTERPRISE_USER_SCHEMA}.manager.displayName"),
        ],
    )
    @pytest.mark.parametrize("op", ["add", "replace", "remove"])
    def test_a_path_that_names_what_the_service_alone_writes_is_refused(
        self, patched: Patched, user: Document, op: str, path: str
    ) -> None:
        with pytest.raises(Mutability, match="is readOnly") as refusal:
            patched(user, add("title", "x"), {"op": op, "path": path, "value": "x"})
        assert refusal.value.operation == 1

    @pytest.mark.parametrize("op", ["add", "replace"])
    def test_in_a_value_without_a_path_it_is_passed_over(
        self, patched: Patched, user: Document, op: str
    ) -> None:
        value = {
            "id": "mine",
            "meta": {"version": "9"},
            "meta.created": "x",
            "schemas": ["urn:x"],
            "groups": [{"value": "g"}],
            'groups[value eq "g"].display': "x",
            "manager.displayName": "Bo",
            ENTERPRISE_USER_SCHEMA: {"manager": {"displayName": "Bo"}},
            USER_SCHEMA: {"id": "mine"},
        }
        assert patched(user, {"op": op, "value": value}) == user
        assert patched(user, {"op": op, "path": USER_SCHEMA, "value": {"id": "x"}}) == user

    def test_a_password_is_taken_and_kept_nowhere(self, patched: Patched, user: Document) -> None:
        for op in ("add", "replace", "remove"):
            assert patched(user, {"op": op, "path": "password", "value": "x"}) == user

    @pytest.mark.parametrize(
        "path",
        [
            "shoeSize",
            "name.shoeSize",
            "emails.shoeSize",
            'emails[type eq "work"].colour',
            "urn:acme:2.0:User:title",
            "urn:acme:2.0:User.title",
            "http://acme.example/2.0/User:title",
            f"{ENTERPRISE_USER_SCHEMA}:shoeSize",
            f"{ENTERPRISE_USER_SCHEMA}.shoeSize",
            "a.$ref",
        ],
    )
    @pytest.mark.parametrize("op", ["add", "replace", "remove"])
    def test_what_is_unknown_is_passed_over_under_a_well_formed_name(
        self, patched: Patched, user: Document, op: str, path: str
    ) -> None:
        mailed = {**user, "emails": [WORK]}
        assert patched(mailed, {"op": op, "path": path, "value": "x"}) == mailed
        assert patched(mailed, {"op": "add", "value": {path: "x"}}) == mailed

    @pytest.mark.parametrize(
        "path",
        [
            'shoes[size eq "9"]',
            'shoes[size eq "9"].colour',
            'emails[colour eq "red"]',
            'emails[colour eq "red"].value',
            'emails[type eq "work" and colour eq "red"].value',
            'emails[not (colour eq "red")]',
            'emails[type eq "work" or not (colour pr)].value',
            'emails["type" eq "work"].value',
            'emails[type eq "work"].[value]',
            f'{ENTERPRISE_USER_SCHEMA}[department eq "x"]',
            *("@odata.type", "emails.0.value", "emails/value", "a b", "urn:x:", "x..y"),
        ],
    )
    @pytest.mark.parametrize("op", ["add", "replace", "remove"])
    def test_what_selects_by_what_is_unknown_is_refused(
        self, patched: Patched, user: Document, op: str, path: str
    ) -> None:
        mailed = {**user, "emails": [WORK]}
        with pytest.raises(InvalidPath):
            patched(mailed, {"op": op, "path": path, "value": "x"})
        with pytest.raises((InvalidPath, InvalidSyntax)):
            patched(mailed, {"op": "add", "value": {path: "x"}})
        assert patched(mailed, {"op": "add", "value": {"title": "x"}})["title"] == "x"


class TestComplexValues:
    NAME = {"givenName": "Ana", "familyName": "Ruiz"}  # noqa: RUF012 - read only

    @pytest.mark.rfc("7644-3.5.2.1-complex", "7644-3.5.2.3-complex")
    @pytest.mark.parametrize("op", ["add", "replace"])
    def test_parts_are_merged(self, patched: Patched, user: Document, op: str) -> None:
        operation = {"op": op, "path": "name", "value": {"GIVENNAME": "Bo", "formatted": "Bo R"}}
        assert patched({**user, "name": self.NAME}, operation)["name"] == {
            "givenName": "Bo",
            "familyName": "Ruiz",
            "formatted": "Bo R",
        }

    def test_a_part_that_is_nothing_is_unassigned(self, patched: Patched, user: Document) -> None:
        named = {**user, "name": self.NAME}
        for operation in (
            replace("name", {"givenName": None}),
            replace("name.givenName", ""),
            remove("name.givenName"),
        ):
            assert patched(named, operation)["name"] == {"familyName": "Ruiz"}

    def test_the_last_part_takes_the_attribute_with_it(
        self, patched: Patched, user: Document
    ) -> None:
        named = {**user, "name": {"givenName": "Ana"}}
        assert patched(named, replace("name.givenName", "")) == user

    def test_the_whole_is_unassigned(self, patched: Patched, user: Document) -> None:
        named = {**user, "name": self.NAME}
        for operation in (replace("name", None), replace("name", []), remove("name")):
            assert patched(named, operation) == user

    @pytest.mark.rfc("7644-3.5.2.3-complex")
    @pytest.mark.parametrize("value", [{}, [{}], {"foo": None}, "{}"])
    @pytest.mark.parametrize("op", ["add", "replace"])
    def test_an_object_without_parts_changes_nothing(
        self, patched: Patched, user: Document, op: str, value: Any
    ) -> None:
        full = {
            **user,
            "name": self.NAME,
            ENTERPRISE_USER_SCHEMA: {"manager": {"value": "m1", "$ref": "/m1"}},
        }
        for path in ("name", "manager"):
            assert patched(full, {"op": op, "path": path, "value": value}) == full
        for path in (ENTERPRISE_USER_SCHEMA, USER_SCHEMA):
            assert patched(full, {"op": op, "path": path, "value": {}}) == full
            assert patched(full, {"op": op, "value": {path: {}}}) == full

    @pytest.mark.parametrize("value", [{"first": "Bo"}, [{"first": "Bo"}], {"name.given": "Bo"}])
    def test_an_object_of_which_no_part_is_known_is_refused(
        self, patched: Patched, user: Document, value: Any
    ) -> None:
        for operation in (replace("name", value), add("name", value), add("manager", value)):
            with pytest.raises(InvalidValue):
                patched({**user, "name": self.NAME}, operation)

    def test_a_new_manager_does_not_keep_the_link_to_the_old_one(
        self, patched: Patched, user: Document
    ) -> None:
        managed = {**user, ENTERPRISE_USER_SCHEMA: {"manager": {"value": "m1", "$ref": "/m1"}}}
        assert patched(managed, replace("manager", "m2"))[ENTERPRISE_USER_SCHEMA] == {
            "manager": {"value": "m2"}
        }
        assert patched(managed, replace("manager.value", "m1")) == managed
        for path, value in (
            ("manager.$ref", "/Users/m2"),
            ("manager", {"$ref": "/Users/m2"}),
            ("manager", {"value": "m2", "$ref": "/Users/m2"}),
        ):
            assert patched(managed, replace(path, value))[ENTERPRISE_USER_SCHEMA] == {
                "manager": {"value": "m2", "$ref": "/Users/m2"}
            }
        for path, value in (
            *(("manager.$ref", "13"), ("manager.$ref", "/13"), ("manager.$ref", "https://m1")),
            ("manager", {"value": "m1", "$ref": "/Users/m2"}),
        ):
            with pytest.raises(InvalidValue, match=r"\$ref must be the URI"):
                patched(managed, replace(path, value))

    def test_remove_of_parts_takes_those_that_are_as_is_said(
        self, patched: Patched, user: Document
    ) -> None:
        name = {"givenName": "Ana", "familyName": "Ruiz"}
        manager = {"value": "m1", "$ref": "https://x/Users/m1"}
        held = {**user, "name": name, ENTERPRISE_USER_SCHEMA: {"manager": manager}}
        cases: list[tuple[str, Any, Any]] = [
            ("name", {"givenName": "ANA"}, {"familyName": "Ruiz"}),
            ("name", {"givenName": None}, {"familyName": "Ruiz"}),
            ("name", {"givenName": "Bo", "familyName": "Ruiz"}, {"givenName": "Ana"}),
            ("name", {"givenName": "Bo"}, name),
            ("name.givenName", "Bo", name),
            ("name.givenName", "Ana", {"familyName": "Ruiz"}),
            ("name", name, None),
            ("name", "", None),
            ("name", [], None),
        ]
        for path, value, left in cases:
            assert patched(held, remove(path, value=value)).get("name") == left, (path, value)
        managers: list[tuple[Any, Any]] = [
            ("m2", manager),
            ([{"value": "m2"}], manager),
            ({"value": "m1", "$ref": None}, None),
            ({"$ref": "https://y/Users/m1"}, None),
            ([{"value": "m1"}], None),
            ("", None),
            ({"value": ""}, None),
        ]
        for value, left in managers:
            changed = patched(held, remove("manager", value=value))
            assert changed.get(ENTERPRISE_USER_SCHEMA, {}).get("manager") == left, value
        unclear: list[tuple[str, Any]] = [
            *(("name", {"first": "Ana"}), ("name", "Ana"), ("name", {}), ("manager", {})),
            *(("manager", {"id": "m1"}), ("manager", {"displayName": "Bo"})),
        ]
        for path, value in unclear:
            with pytest.raises(InvalidValue):
                patched(held, remove(path, value=value))

    def test_the_name_of_the_manager_is_not_the_clients_to_write(
        self, patched: Patched, user: Document
    ) -> None:
        value = {"value": "m1", "displayName": "Bo"}
        assert patched(user, add("manager", value))[ENTERPRISE_USER_SCHEMA] == {
            "manager": {"value": "m1"}
        }
        assert patched(user, add("manager", {"displayName": "Bo"})) == user


class TestMultiValues:
    def test_add_appends(self, patched: Patched, user: Document) -> None:
        changed = patched({**user, "emails": [WORK]}, add("emails", [HOME]))
        assert changed["emails"] == [WORK, HOME]

    def test_add_of_what_is_there_changes_nothing(self, patched: Patched, user: Document) -> None:
        mailed = {**user, "emails": [WORK, HOME]}
        again = [{"value": "W@X", "type": "WORK"}, {"value": "h@x"}, HOME]
        assert patched(mailed, add("emails", again[2:])) == mailed
        assert len(patched(mailed, add("emails", again))["emails"]) == 2

    def test_one_value_of_two_types_is_two_values(self, patched: Patched, user: Document) -> None:
        other = {"type": "home", "value": "w@x"}
        mailed = patched({**user, "emails": [WORK]}, add("emails", other), add("emails", other))
        assert mailed["emails"] == [WORK, other]

    def test_add_completes_a_value_that_is_there(self, patched: Patched, user: Document) -> None:
        mailed = {**user, "emails": [{"value": "w@x"}]}
        changed = patched(mailed, add("emails", [{"value": "w@x", "type": "work"}]))
        assert changed["emails"] == [WORK]

    def test_values_without_a_value_are_compared_whole(
        self, patched: Patched, user: Document
    ) -> None:
        address = {"type": "work", "locality": "Gent"}
        other = {"type": "work", "locality": "Brugge"}
        changed = patched(user, add("addresses", [address]), add("addresses", [address, other]))
        assert changed["addresses"] == [address, other]
        assert patched(changed, remove("addresses", value=[address]))["addresses"] == [other]

    @pytest.mark.parametrize("value", [[], None, "", {}, [None]])
    def test_adding_nothing_changes_nothing(
        self, patched: Patched, user: Document, value: Any
    ) -> None:
        mailed = {**user, "emails": [WORK]}
        assert patched(mailed, add("emails", value)) == mailed
        assert patched(mailed, add('emails[type eq "work"]', value)) == mailed

    def test_replace_sets_the_list(self, patched: Patched, user: Document) -> None:
        mailed = {**user, "emails": [WORK]}
        assert patched(mailed, replace("emails", [HOME]))["emails"] == [HOME]
        assert patched(mailed, replace("emails", "h@x"))["emails"] == [{"value": "h@x"}]

    @pytest.mark.parametrize(
        "value",
        [
            *({}, [{}], [None], [""], [None, {}], "[]", "{}", "[{}]"),
            *([{"type": "other"}], {"primary": True}),
        ],
    )
    def test_replace_by_what_names_no_value_is_refused(
        self, patched: Patched, user: Document, value: Any
    ) -> None:
        mailed = {**user, "emails": [WORK, HOME]}
        for operation in (
            replace("emails", value),
            {"op": "replace", "value": {"emails": value}},
        ):
            with pytest.raises(InvalidValue) as refusal:
                patched(mailed, operation)
            assert refusal.value.path == "emails"
            assert patched(user, operation) == user
        assert patched(mailed, replace('emails[type eq "work"]', {})) == mailed

    def test_an_element_that_names_no_value_is_not_added(
        self, patched: Patched, user: Document
    ) -> None:
        mailed = {**user, "emails": [{**WORK, "primary": True}]}
        for value in ([{"type": "other"}], {"primary": True}, {}):
            assert patched(mailed, add("emails", value)) == mailed
        lost: list[Any] = [
            *([{"type": "x", "display": "y"}], {"type": "x", "address": "y"}),
            [{"value": "", "address": "y"}],
        ]
        for value in lost:
            for path in ("emails", 'emails[type eq "other"]'):
                with pytest.raises(InvalidValue):
                    patched(mailed, add(path, value))
        assert patched(mailed, add('emails[type eq "other"].primary', True)) == mailed
        homes = add("addresses", [{"type": "home"}])
        assert patched(user, homes) == user

    def test_an_element_that_gets_its_value_later_in_the_request_is_kept(
        self, patched: Patched, user: Document
    ) -> None:
        path = 'emails[type eq "other"]'
        mailed = {**user, "emails": [{**WORK, "primary": True}]}
        changed = patched(
            mailed, add(f"{path}.primary", True), add(f"{path}.value", "o@x"), add("title", "x")
        )
        assert changed["emails"] == [
            {**WORK, "primary": False},
            {"type": "other", "primary": True, "value": "o@x"},
        ]

    def test_a_label_that_an_operation_names_is_kept(
        self, patched: Patched, user: Document
    ) -> None:
        """Entra's gallery validation sets each mapped attribute alone, and reads it back."""
        display, kind = 'roles[primary eq "True"].display', 'roles[primary eq "True"].type'
        role = {"primary": True, "display": "x"}
        assert patched(user, replace(display, "x"))["roles"] == [role]
        assert patched(user, replace(kind, "x"))["roles"] == [{"primary": True, "type": "x"}]
        held = {**user, "roles": [role]}
        assert patched(held, add("roles", "r"))["roles"] == [role, {"value": "r"}]
        assert patched(held, replace(display, "")) == user

    @pytest.mark.parametrize("value", [[], None, ""])
    def test_replace_by_nothing_unassigns(
        self, patched: Patched, user: Document, value: Any
    ) -> None:
        mailed = {**user, "emails": [WORK, HOME]}
        assert patched(mailed, replace("emails", value)) == user
        assert patched(mailed, replace('emails[type eq "work"]', value))["emails"] == [HOME]

    def test_remove_takes_all_or_those_that_are_meant(
        self, patched: Patched, user: Document
    ) -> None:
        mailed = {**user, "emails": [WORK, HOME]}
        assert patched(mailed, remove("emails")) == user
        assert patched(mailed, remove("emails", value=None)) == user
        assert patched(mailed, remove("emails", value=[])) == user
        assert patched(mailed, remove("emails", value="")) == user
        assert patched(mailed, remove('emails[type eq "work"]'))["emails"] == [HOME]
        assert patched(mailed, remove("emails", value=[{"value": "W@x"}]))["emails"] == [HOME]
        assert patched(mailed, remove("emails", value="h@x"))["emails"] == [WORK]
        other_type = {"value": "w@x", "type": "home"}
        assert patched(mailed, remove("emails", value=other_type)) == mailed
        work = 'emails[type eq "work"]'
        assert patched(mailed, remove(work, value=[{"value": "h@x"}])) == mailed
        assert patched(mailed, remove(work, value=[{"value": "w@x"}]))["emails"] == [HOME]
        assert patched(mailed, remove(f"{work}.value", value="h@x")) == mailed
        assert patched(mailed, remove(f"{work}.value", value="w@x"))["emails"] == [HOME]
        unclear: list[Any] = [
            *({}, [{}], [None], [[]], True, "[]", '{"value"'),
            *([{"type": "work"}], {"primary": True}, [{"email": "w@x"}]),
        ]
        for value in unclear:
            for path in ("emails", work):
                with pytest.raises(InvalidValue):
                    patched(mailed, remove(path, value=value))

    def test_remove_of_what_has_no_value_names_it_whole(
        self, patched: Patched, user: Document
    ) -> None:
        home = {"country": "BE", "locality": "Gent", "primary": True}
        held = {**user, "addresses": [home]}
        whole = {"country": "be", "locality": "Gent"}
        assert patched(held, remove("addresses", value=[whole])) == user
        assert patched(held, remove("addresses", value=[{"country": "FR"}])) == held
        with pytest.raises(InvalidValue, match="send it whole"):
            patched(held, remove("addresses", value=[{"country": "BE"}]))

    def test_two_values_that_become_one_are_one(self, patched: Patched, user: Document) -> None:
        two = {**user, "emails": [{**WORK, "value": "a@x"}, {**WORK, "primary": True}]}
        changed = patched(two, replace('emails[type eq "work"].value', "c@x"))
        assert changed["emails"] == [{"type": "work", "value": "c@x", "primary": True}]
        again = [WORK, HOME, WORK]
        assert patched(user, add("emails", again))["emails"] == [WORK, HOME]
        assert patched(user, replace("emails", again))["emails"] == [WORK, HOME]
        homes = [{"locality": "Gent", "type": "home"}] * 2
        assert patched(user, add("addresses", homes))["addresses"] == homes[:1]
        assert patched(two, add("title", "x"))["emails"] == two["emails"]

    def test_a_part_is_written_in_every_element_that_is_meant(
        self, patched: Patched, user: Document
    ) -> None:
        mailed = {**user, "emails": [WORK, HOME]}
        assert patched(mailed, replace("emails.display", "A"))["emails"] == [
            {**WORK, "display": "A"},
            {**HOME, "display": "A"},
        ]
        assert patched(mailed, replace('emails[value ew "@x"].display', "A"))["emails"] == [
            {**WORK, "display": "A"},
            {**HOME, "display": "A"},
        ]

    def test_a_part_of_no_element_creates_one(self, patched: Patched, user: Document) -> None:
        assert patched(user, add("emails.value", "w@x"))["emails"] == [{"value": "w@x"}]
        assert patched(user, replace("emails.value", "")) == user

    def test_an_element_is_merged_with_the_value(self, patched: Patched, user: Document) -> None:
        mailed = {**user, "emails": [WORK, HOME]}
        for value in ({"value": "n@x"}, [{"value": "n@x", "type": "work"}], "n@x"):
            changed = patched(mailed, replace('emails[type eq "work"]', value))
            assert changed["emails"] == [{"type": "work", "value": "n@x"}, HOME]

    def test_an_element_without_its_value_is_removed(
        self, patched: Patched, user: Document
    ) -> None:
        mailed = {**user, "emails": [{**WORK, "primary": True, "display": "W"}, HOME]}
        for operation in (
            replace('emails[type eq "work"].value', ""),
            remove('emails[type eq "work"].value'),
            replace('emails[type eq "work"]', {"value": None}),
        ):
            assert patched(mailed, operation)["emails"] == [HOME]

    def test_an_element_with_nothing_but_labels_left_is_removed(
        self, patched: Patched, user: Document
    ) -> None:
        housed = {**user, "addresses": [{"type": "work", "primary": True, "locality": "Gent"}]}
        assert patched(housed, replace('addresses[type eq "work"].locality', "")) == user

    def test_simple_values_are_added_and_removed(self, patched: Patched) -> None:
        schema = Schema("urn:t:2.0:T", "T", "", (Attribute("tags", multi_valued=True),))
        tagged = ResourceType("T", "/Ts", "", schema)
        document = patched({}, add("tags", ["a", "b"]), add("tags", ["A", "c"]), of=tagged)
        assert document == {"tags": ["a", "b", "c"]}
        assert patched(document, remove("tags", value=["B"]), of=tagged) == {"tags": ["a", "c"]}
        assert patched({}, replace("tags", ["a", "a", "b"]), of=tagged) == {"tags": ["a", "b"]}

    def test_value_names_the_element_of_a_list_of_simple_values(self, patched: Patched) -> None:
        schema = Schema("urn:t:2.0:T", "T", "", (Attribute("tags", multi_valued=True),))
        tagged = ResourceType("T", "/Ts", "", schema)
        held: Document = {"tags": ["a", "b", "c"]}
        for operation, tags in (
            (remove('tags[value eq "B"]'), ["a", "c"]),
            (remove("tags[value eq 'b'].value"), ["a", "c"]),
            (remove('tags[value eq "x"]'), ["a", "b", "c"]),
            (remove('tags[not (value eq "b")]'), ["b"]),
            (replace('tags[value eq "b"]', "x"), ["a", "x", "c"]),
            (replace('tags[value eq "b"].value', "x"), ["a", "x", "c"]),
            (replace('tags[value eq "b"]', [{"value": "x"}]), ["a", "x", "c"]),
            (replace('tags[value eq "b"]', "c"), ["a", "c"]),
            (replace('tags[value eq "b"]', None), ["a", "c"]),
            (add('tags[value eq "b"]', None), ["a", "b", "c"]),
            (add('tags[value eq "x"]', "x"), ["a", "b", "c", "x"]),
            (remove("tags.value", value="b"), ["a", "c"]),
        ):
            assert patched(held, operation, of=tagged) == {"tags": tags}, operation
        for path in ('tags[type eq "x"]', 'tags["b"]', "tags[0]"):
            with pytest.raises(InvalidPath):
                patched(held, remove(path), of=tagged)
        with pytest.raises(InvalidPath, match="has no parts"):
            patched(held, replace('tags[value eq "b"].type', "x"), of=tagged)
        with pytest.raises(NoTarget):
            patched(held, replace('tags[value sw "x"]', "y"), of=tagged)
        with pytest.raises(InvalidValue):
            patched(held, replace('tags[value eq "b"]', ["x", "y"]), of=tagged)

    def test_a_list_does_not_grow_without_end(self, patched: Patched, user: Document) -> None:
        full = {**user, "emails": [{"value": f"{n}@x"} for n in range(1_000)]}
        for operation in (add("emails", "new@x"), add('emails[type eq "work"].value', "new@x")):
            with pytest.raises(InvalidValue, match="at most 1000") as refusal:
                patched(full, operation)
            assert refusal.value.path == "emails"

    def test_filters_do_not_look_at_values_without_end(
        self, patched: Patched, user: Document
    ) -> None:
        full = {**user, "emails": [{"value": f"{n}@x"} for n in range(1_000)]}
        path = f"emails[{' or '.join(['type pr'] * 600)}]"
        with pytest.raises(PayloadTooLarge, match="several requests") as refusal:
            patched(full, *[remove(path)] * 100)
        assert refusal.value.operation == MAX_EFFORT // (len(path) * 1_000)
        assert patched(user, *[remove(path)] * 100) == user

    @pytest.mark.parametrize(
        "operation",
        [
            add("addresses", {"locality": "1"}),
            remove("addresses", value={"locality": "x"}),
            replace("addresses.type", "work"),
            # One operation for each key, so it is not bounded by the number of operations.
            add("", {"addresses.type": "work", f"{USER_SCHEMA}:addresses.type": "work"}),
        ],
        ids=["add", "remove", "replace", "keys"],
    )
    def test_operations_do_not_look_at_values_without_end(
        self, patched: Patched, user: Document, operation: Document
    ) -> None:
        full = {**user, "addresses": [{"locality": str(n)} for n in range(1_000)]}
        with pytest.raises(PayloadTooLarge, match="several requests"):
            patched(full, *[operation] * 1_000)
        few = {**user, "addresses": full["addresses"][:10]}
        assert len(patched(few, *[operation] * 1_000)["addresses"]) == 10

    def test_long_values_beyond_ascii_count_for_more(
        self, patched: Patched, user: Document
    ) -> None:
        plain, folded = (
            {**user, "addresses": [{"locality": f"{n}{text}"} for n in range(1_000)]}
            for text in ("e" * 500, "é" * 500)
        )
        operations = [remove("addresses", value={"locality": "x"})] * 50
        assert patched(plain, *operations) == plain
        with pytest.raises(PayloadTooLarge, match="several requests"):
            patched(folded, *operations)


class TestElementsThatAreNotThere:
    @pytest.mark.rfc("7644-3.5.2.3-no-match")
    @pytest.mark.parametrize("op", ["add", "replace"])
    def test_are_created_as_the_filter_describes_them(
        self, patched: Patched, user: Document, op: str
    ) -> None:
        path = 'emails[TYPE eq "work" and primary eq "True"].value'
        changed = patched(user, {"op": op, "path": path, "value": "w@x"})
        assert changed["emails"] == [{"type": "work", "primary": True, "value": "w@x"}]

    def test_are_created_from_a_whole_value(self, patched: Patched, user: Document) -> None:
        value = {"value": "w@x", "display": None}
        assert patched(user, add('emails[type eq "work"]', value))["emails"] == [WORK]

    def test_are_not_created_by_clearing_them(self, patched: Patched, user: Document) -> None:
        assert patched(user, replace('emails[type eq "work"].value', "")) == user
        assert patched(user, replace('emails[value eq "w@x"].display', None)) == user

    def test_become_one_element_over_several_operations(
        self, patched: Patched, user: Document
    ) -> None:
        changed = patched(
            user,
            add('addresses[type eq "work"].locality', "Gent"),
            replace('addresses[type eq "WORK"].country', "BE"),
            add('addresses[type eq "work"].primary', "True"),
        )
        assert changed["addresses"] == [
            {"type": "work", "locality": "Gent", "country": "BE", "primary": True}
        ]

    @pytest.mark.parametrize(
        "condition",
        [
            *('type ne "work"', 'type eq "a" or type eq "b"', 'not (type eq "a")', "value pr"),
            'type eq "a" and type eq "b"',
        ],
    )
    def test_are_refused_if_the_filter_describes_many(
        self, patched: Patched, user: Document, condition: str
    ) -> None:
        with pytest.raises(NoTarget) as refusal:
            patched(user, add("title", "x"), replace(f"emails[{condition}].value", "w@x"))
        assert (refusal.value.operation, refusal.value.path) == (1, "emails")

    @pytest.mark.rfc("7644-3.5.2.3-no-match")
    @pytest.mark.parametrize("op", ["add", "replace"])
    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ('roles[value eq "reader"].value', "admin"),
            ('roles[value eq "reader"]', {"value": "admin"}),
            ('roles[value eq "reader"]', "admin"),
            ('emails[type eq "work"].type', "home"),
            ('emails[type eq "work"]', {"value": "h@x", "type": "home"}),
            ('emails[type eq "work" and value eq "w@x"].value', "h@x"),
        ],
    )
    def test_are_not_created_if_the_filter_would_not_select_them(
        self, patched: Patched, user: Document, op: str, path: str, value: Any
    ) -> None:
        with pytest.raises(NoTarget):
            patched(user, {"op": op, "path": path, "value": value})

    def test_are_created_of_values_that_are_of_their_type(self, patched: Patched) -> None:
        parts = (Attribute("value"), Attribute("rank", "integer"))
        badges = Attribute("badges", "complex", multi_valued=True, sub_attributes=parts)
        badged = ResourceType("T", "/Ts", "", Schema("urn:t:2.0:T", "T", "", (badges,)))
        for rank in ("5", "5.0"):
            changed = patched({}, add(f"badges[rank eq {rank}].value", "x"), of=badged)
            assert repr(changed) == repr({"badges": [{"rank": 5, "value": "x"}]})
        with pytest.raises(InvalidValue):
            patched({}, add("badges[rank eq 5.5].value", "x"), of=badged)

    def test_are_created_if_the_filter_selects_them_in_other_letters(
        self, patched: Patched, user: Document
    ) -> None:
        value = {"value": "w@x", "type": "work"}
        assert patched(user, add('emails[type eq "WORK"]', value))["emails"] == [WORK]


class TestPrimary:
    EMAILS = ({**WORK, "primary": True}, HOME)

    @pytest.mark.parametrize(
        "operation",
        [
            add("emails", {**HOME, "primary": "True"}),
            replace('emails[type eq "home"].primary', True),
            replace('emails[type eq "home"]', {"primary": True}),
        ],
    )
    def test_setting_one_clears_the_others(
        self, patched: Patched, user: Document, operation: Document
    ) -> None:
        changed = patched({**user, "emails": list(self.EMAILS)}, operation)
        assert changed["emails"] == [{**WORK, "primary": False}, {**HOME, "primary": True}]

    def test_the_last_that_is_set_wins(self, patched: Patched, user: Document) -> None:
        both = [{**WORK, "primary": True}, {**HOME, "primary": True}]
        for operation in (replace("emails", both), add("emails", both)):
            changed = patched(user, operation)
            assert [email["primary"] for email in changed["emails"]] == [False, True]

    def test_a_list_that_was_kept_with_two_is_mended_when_it_is_written(
        self, patched: Patched, user: Document
    ) -> None:
        both = [{**WORK, "primary": True}, {**HOME, "primary": True}]
        changed = patched({**user, "emails": both}, add("emails", "n@x"))
        assert [email.get("primary") for email in changed["emails"]] == [True, False, None]


class TestWholeResource:
    def test_keys_are_paths(self, patched: Patched, user: Document) -> None:
        value = {
            "DisplayName": "Bo Li",
            "name.givenName": "Bo",
            "NAME.familyName": "Li",
            f"{USER_SCHEMA}:nickName": "B",
            f"{ENTERPRISE_USER_SCHEMA}:employeeNumber": "88",
            "manager": "m1",
            'emails[type eq "work"].value': "w@x",
            ENTERPRISE_USER_SCHEMA: {"Department": "R&D", "shoeSize": 9},
            USER_SCHEMA: {"title": "Dr"},
            "shoeSize": 9,
            "": None,
            "id": "mine",
        }
        assert patched(user, {"op": "replace", "value": value}) == {
            **user,
            "displayName": "Bo Li",
            "name": {"givenName": "Bo", "familyName": "Li"},
            "nickName": "B",
            "emails": [WORK],
            "title": "Dr",
            ENTERPRISE_USER_SCHEMA: {
                "employeeNumber": "88",
                "manager": {"value": "m1"},
                "department": "R&D",
            },
        }

    def test_complex_values_are_merged_and_lists_replaced(
        self, patched: Patched, user: Document
    ) -> None:
        full = {**user, "name": {"givenName": "Ana", "familyName": "Ruiz"}, "emails": [WORK]}
        value = {"name": {"givenName": "Bo"}, "emails": [HOME]}
        assert patched(full, {"op": "replace", "value": value}) == {
            **user,
            "name": {"givenName": "Bo", "familyName": "Ruiz"},
            "emails": [HOME],
        }
        assert patched(full, {"op": "add", "value": value})["emails"] == [WORK, HOME]

    def test_a_list_of_one_object_will_do(self, patched: Patched, user: Document) -> None:
        assert patched(user, {"op": "replace", "value": [{"active": False}]})["active"] is False

    def test_an_extension_is_merged_removed_and_cleared_as_a_whole(
        self, patched: Patched, user: Document
    ) -> None:
        full = {**user, ENTERPRISE_USER_SCHEMA: {"department": "d", "division": "v"}}
        urn = ENTERPRISE_USER_SCHEMA
        assert patched(full, replace(urn, {"department": "x"}))[urn] == {
            "department": "x",
            "division": "v",
        }
        assert patched(full, add(urn, {})) == full
        assert patched(full, remove(urn)) == user
        assert patched(full, replace(urn, None)) == user
        assert patched(full, {"op": "replace", "value": {urn: None}}) == user

    @pytest.mark.parametrize("value", ["x", 1, None, [], [{}, {}], True])
    def test_a_value_that_is_no_object_is_refused(
        self, patched: Patched, user: Document, value: Any
    ) -> None:
        with pytest.raises(InvalidValue, match="attributes of User") as refusal:
            patched(user, add("title", "x"), {"op": "add", "value": value})
        assert refusal.value.operation == 1

    @pytest.mark.parametrize("path", [None, "", USER_SCHEMA])
    def test_it_cannot_be_removed(self, patched: Patched, user: Document, path: str | None) -> None:
        with pytest.raises(NoTarget) as refusal:
            patched(user, {"op": "remove", "path": path})
        assert refusal.value.operation == 0

    def test_a_urn_within_a_urn_is_refused(self, patched: Patched, user: Document) -> None:
        value: Document = {"title": "x"}
        for _ in range(100_000):
            value = {USER_SCHEMA: value}
        with pytest.raises(InvalidValue, match="beside it"):
            patched(user, {"op": "add", "value": value})
        within = {ENTERPRISE_USER_SCHEMA: {"department": "R"}}
        with pytest.raises(InvalidValue, match="beside it"):
            patched(user, {"op": "add", "value": {USER_SCHEMA: within}})
        with pytest.raises(InvalidValue, match="beside it"):
            patched(user, {"op": "add", "path": USER_SCHEMA, "value": within})

    def test_what_a_path_names_may_be_named_again_around_the_value(
        self, patched: Patched, user: Document
    ) -> None:
        mailed, urn = {**user, "emails": [WORK]}, ENTERPRISE_USER_SCHEMA
        for operation, expected in (
            (replace("emails", {"emails": [HOME]}), {"emails": [HOME]}),
            (replace("emails", {"EMAILS": HOME}), {"emails": [HOME]}),
            (replace(f"{USER_SCHEMA}:emails", {"emails": [HOME]}), {"emails": [HOME]}),
            (replace("emails", {f"{USER_SCHEMA}:emails": "h@x"}), {"emails": [{"value": "h@x"}]}),
            (add("emails", {"emails": [HOME]}), {"emails": [WORK, HOME]}),
            (remove("emails", value={"emails": [WORK]}), {"emails": None}),
            (replace("emails", {"emails": []}), {"emails": None}),
            (add("title", {"title": "Dr"}), {"title": "Dr"}),
            (add("name", {"name": {"givenName": "A"}}), {"name": {"givenName": "A"}}),
            (add("name.givenName", {"givenName": "A"}), {"name": {"givenName": "A"}}),
            (add("name.givenName", {"name.givenName": "A"}), {"name": {"givenName": "A"}}),
            (add("manager", {"manager": "m1"}), {urn: {"manager": {"value": "m1"}}}),
            (add(f"{urn}:department", {"department": "D"}), {urn: {"department": "D"}}),
            (add(f"{urn}:department", {f"{urn}.department": "D"}), {urn: {"department": "D"}}),
            (add(urn, {urn: {"department": "D"}}), {urn: {"department": "D"}}),
            (add("", {"emails": {"emails": [HOME]}}), {"emails": [WORK, HOME]}),
        ):
            changed = {name: part for name, part in {**mailed, **expected}.items() if part}
            assert patched(mailed, operation) == changed, operation
        for value in ({"emails": {"emails": [HOME]}}, [{"emails": [HOME]}], {"mails": [HOME]}):
            with pytest.raises(InvalidValue):
                patched(mailed, replace("emails", value))
        with pytest.raises(InvalidValue):
            patched(mailed, replace("emails", {"emails": [HOME], "title": "x"}))

    @pytest.mark.parametrize("separator", [":", "."])
    @pytest.mark.parametrize(
        "urn", [ENTERPRISE_USER_SCHEMA, ENTERPRISE_USER_SCHEMA.replace(":User", "User")]
    )
    def test_a_dot_may_stand_behind_the_urn(
        self, patched: Patched, user: Document, urn: str, separator: str
    ) -> None:
        number, manager = f"{urn}{separator}employeeNumber", f"{urn}{separator}manager.value"
        expected = {
            **user,
            ENTERPRISE_USER_SCHEMA: {"employeeNumber": "56789", "manager": {"value": "m1"}},
        }
        for op in ("add", "replace"):
            by_path = ({"op": op, "path": path} for path in (number, manager))
            values = ("56789", "m1")
            operations = [
                {**each, "value": value} for each, value in zip(by_path, values, strict=True)
            ]
            assert patched(user, *operations) == expected
            assert patched(user, {"op": op, "value": {number: "56789", manager: "m1"}}) == expected
        assert patched(expected, remove(number), remove(manager)) == user
        assert patched(user, add(f"{USER_SCHEMA}{separator}name.givenName", "A"))["name"] == {
            "givenName": "A"
        }

    def test_a_remove_of_an_extension_with_a_value_takes_what_is_listed(
        self, patched: Patched, user: Document
    ) -> None:
        urn = ENTERPRISE_USER_SCHEMA
        full = {**user, urn: {"department": "d", "division": "v"}}
        assert patched(full, remove(urn, value={"department": "d"}))[urn] == {"division": "v"}
        assert patched(full, remove(urn, value={"shoeSize": 9})) == full
        senseless: list[Any] = [{}, "{}", [{}], "department", ["department", "division"], True]
        for value in senseless:
            with pytest.raises(InvalidValue):
                patched(full, remove(urn, value=value))

    def test_what_is_said_of_an_element_is_not_replaced_by_the_list_behind_it(
        self, patched: Patched, user: Document
    ) -> None:
        home = {"type": "home", "value": "h@x"}
        value = {'emails[type eq "work"].value': "w@x", "emails": [home]}
        after = patched(user, {"op": "replace", "value": value})
        assert after["emails"] == [home, {"type": "work", "value": "w@x"}]


class TestRefusals:
    @pytest.mark.parametrize(
        ("operation", "kind", "path"),
        [
            (replace("userName", ""), Mutability, "userName"),
            (replace("userName", "  "), InvalidValue, "userName"),
            (remove("userName"), Mutability, "userName"),
            ({"op": "replace", "value": {"userName": None}}, Mutability, "userName"),
            (replace("active", "banana"), InvalidValue, "active"),
            (replace("emails", [{"primary": "banana"}]), InvalidValue, "emails.primary"),
            (replace('emails[type eq "work"].primary', "x"), InvalidValue, "emails.primary"),
            (replace('emails[type eq "work"]', [["x"]]), InvalidValue, "emails"),
            (replace("department", {"a": 1}), InvalidValue, f"{ENTERPRISE_USER_SCHEMA}:department"),
            (replace("name", "Bo"), InvalidValue, "name"),
            (remove("emails", value=[["x"]]), InvalidValue, "emails"),
            (replace('emails[type eq "work"', "x"), InvalidPath, "emails"),
            (replace('emails[type eq "work"]value', "x"), InvalidPath, "emails"),
            (replace("emails[]", "x"), InvalidPath, "emails"),
            (replace('name[givenName eq "x"].familyName', "x"), InvalidPath, "name"),
            (replace('userName[a eq "x"]', "x"), InvalidPath, "userName"),
            (replace("name..givenName", "x"), InvalidPath, None),
            (replace("user name", "x"), InvalidPath, None),
            (replace('"userName"', "x"), InvalidPath, None),
            (replace("]", "x"), InvalidPath, None),
            (replace('shoes[size eq "9"', "x"), InvalidPath, None),
            (replace("emails[" * 3_000, "x"), InvalidPath, "emails"),
            (replace("x" * 100_000 + "[", "x"), InvalidPath, None),
            ({"op": "add", "value": {'emails[type eq "work"': "x"}}, InvalidPath, "emails"),
        ],
    )
    def test_name_the_operation_and_the_attribute(
        self,
        patched: Patched,
        user: Document,
        operation: Document,
        kind: type[ScimError],
        path: str | None,
    ) -> None:
        with pytest.raises(kind) as refusal:
            patched(user, add("title", "x"), operation, add("title", "y"))
        assert (refusal.value.operation, refusal.value.path) == (1, path)

    def test_a_group_needs_its_name(self, patched: Patched) -> None:
        with pytest.raises(Mutability, match="displayName is required"):
            patched({"displayName": "Sales"}, remove("displayName"), of=GROUP)

    @pytest.mark.rfc("7644-3.5.2-atomic")
    def test_change_nothing(self, patched: Patched, user: Document) -> None:
        before = copy.deepcopy(user)
        with pytest.raises(InvalidValue):
            patched(user, add("emails", [WORK]), replace("active", "banana"))
        assert user == before


@pytest.mark.parametrize("path", [path.text for path in USER.attributes if path.is_writable])
def test_every_attribute_reads_back_equal(patched: Patched, user: Document, path: str) -> None:
    attribute = USER.find(path)
    assert attribute is not None
    samples: dict[str, Any] = {"boolean": False, "binary": "eA=="}
    if attribute.attribute.type != "complex":
        value = samples.get(attribute.attribute.type, "x")
    else:
        parts = attribute.attribute.sub_attributes[:1]
        value = {part.name: samples.get(part.type, "x") for part in parts}
    once = patched(user, add(path, value))
    expected = [value] if attribute.attribute.multi_valued else value
    assert attribute.read(once) == expected
    assert patched(once, add(path, value)) == once


@pytest.mark.parametrize(
    ("path", "elements"),
    [
        ("addresses", [{"locality": "a", "primary": True}, {"locality": "b", "primary": True}]),
        ("phoneNumbers", [{"value": "a", "primary": True}, {"value": "b", "primary": True}]),
    ],
)
def test_an_add_that_is_repeated_adds_nothing_whichever_element_is_primary(
    patched: Patched, user: Document, path: str, elements: list[Document]
) -> None:
    changed = user
    for _ in range(4):
        changed = patched(changed, add(path, elements))
        assert len(changed[path]) == 2
        assert sum(element["primary"] for element in changed[path]) == 1


def test_operations_are_applied_in_order(patched: Patched, user: Document) -> None:
    changed = patched(
        user,
        add("title", "a"),
        remove("title"),
        add("title", "b"),
        add("emails", [WORK]),
        remove('emails[type eq "work"]'),
        add("emails", [HOME]),
    )
    assert changed == {**user, "title": "b", "emails": [HOME]}


def test_no_operations_change_nothing(user: Document) -> None:
    assert patch.apply(USER, user, []) == user
