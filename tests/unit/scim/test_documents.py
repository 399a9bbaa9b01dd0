"""What is kept of a POST or PUT, and how it is shown."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import InvalidSyntax, InvalidValue
from shared.scim import documents
from shared.scim.core_schemas import ENTERPRISE_USER_SCHEMA, GROUP, GROUP_SCHEMA, USER, USER_SCHEMA

if TYPE_CHECKING:
    from shared.scim.schema import Document


def created(**attributes: Any) -> Document:
    return documents.create(USER, {"userName": "ana", **attributes})


class TestCreate:
    def test_a_body_of_entra_is_kept_as_it_was_sent(self, user_body: Document) -> None:
        document = documents.create(USER, copy.deepcopy(user_body))
        composed = {"schemas", "meta", "roles"}
        assert document == {k: v for k, v in user_body.items() if k not in composed}

    def test_what_the_service_composes_or_does_not_keep_is_dropped(self) -> None:
        assert created(
            id="mine", schemas=["x"], meta={"version": "9"}, groups=[{"value": "g"}], password="p"
        ) == {"userName": "ana", "active": True}

    def test_a_user_is_active_unless_the_client_says_otherwise(self) -> None:
        assert created()["active"] is True
        assert created(active=None)["active"] is True
        assert created(active="False")["active"] is False

    def test_names_of_attributes_and_urns_are_read_in_any_case(self) -> None:
        document = documents.create(
            USER,
            {
                "USERNAME": "ana",
                "Name": {"GIVENNAME": "Ana"},
                ENTERPRISE_USER_SCHEMA.upper(): {"DEPARTMENT": "R&D"},
                f"{ENTERPRISE_USER_SCHEMA}:division": "D",
            },
        )
        assert document == {
            "userName": "ana",
            "active": True,
            "name": {"givenName": "Ana"},
            ENTERPRISE_USER_SCHEMA: {"department": "R&D", "division": "D"},
        }

    def test_of_several_primary_values_the_first_stays_so(self) -> None:
        emails = [{"value": v, "primary": p} for v, p in (("a", False), ("b", True), ("c", "True"))]
        assert [email["primary"] for email in created(emails=emails)["emails"]] == [
            False,
            True,
            False,
        ]

    @pytest.mark.parametrize("name", [None, "", "   ", []])
    def test_a_user_needs_a_name(self, name: Any) -> None:
        with pytest.raises(InvalidValue, match="userName is required") as refusal:
            documents.create(USER, {"userName": name})
        assert refusal.value.path == "userName"

    def test_a_group_needs_a_display_name(self) -> None:
        with pytest.raises(InvalidValue, match="displayName is required"):
            documents.create(GROUP, {"externalId": "g"})

    def test_members_are_not_part_of_the_document_of_a_group(self) -> None:
        body = {"displayName": "Sales", "externalId": "g", "members": [{"value": "u"}]}
        assert documents.create(GROUP, body) == {"displayName": "Sales", "externalId": "g"}

    @pytest.mark.parametrize("body", [None, [], "x", 1, True, [{"userName": "ana"}]])
    def test_a_body_that_is_no_object_is_refused(self, body: Any) -> None:
        with pytest.raises(InvalidSyntax):
            documents.create(USER, body)

    @pytest.mark.parametrize("extension", [None, "", [], {}, {"acme": 1}])
    def test_an_empty_extension_is_not_kept(self, extension: Any) -> None:
        assert ENTERPRISE_USER_SCHEMA not in created(**{ENTERPRISE_USER_SCHEMA: extension})

    def test_an_extension_that_is_no_object_is_refused(self) -> None:
        with pytest.raises(InvalidValue) as refusal:
            created(**{ENTERPRISE_USER_SCHEMA: "x"})
        assert refusal.value.path == ENTERPRISE_USER_SCHEMA


class TestReplace:
    def test_what_the_body_does_not_name_is_gone(self) -> None:
        current = created(title="Dr", emails=["a@x"])
        assert documents.replace(USER, current, {"userName": "bo", "active": True}) == {
            "userName": "bo",
            "active": True,
        }

    @pytest.mark.parametrize("active", [True, False])
    def test_a_user_is_neither_disabled_nor_enabled_by_omission(self, active: bool) -> None:
        current = created(active=active)
        assert documents.replace(USER, current, {"userName": "ana"})["active"] is active
        assert (
            documents.replace(USER, current, {"userName": "ana", "active": None})["active"]
            is active
        )

    def test_a_required_attribute_cannot_be_left_out(self) -> None:
        with pytest.raises(InvalidValue, match="userName is required"):
            documents.replace(USER, created(), {"title": "Dr"})

    def test_the_current_document_stays_as_it_is(self) -> None:
        current = created(title="Dr")
        before = copy.deepcopy(current)
        documents.replace(USER, current, {"userName": "bo"})
        assert current == before


class TestChangedNames:
    def test_names_of_what_was_added_changed_and_removed(self) -> None:
        before = {"userName": "a", "title": "x", ENTERPRISE_USER_SCHEMA: {"department": "d"}}
        after = {"userName": "b", "nickName": "n", ENTERPRISE_USER_SCHEMA: {"division": "v"}}
        assert set(documents.changed_names(before, after)) == {
            "userName",
            "title",
            "nickName",
            f"{ENTERPRISE_USER_SCHEMA}:department",
            f"{ENTERPRISE_USER_SCHEMA}:division",
        }

    def test_a_new_resource_changes_all_that_it_has(self) -> None:
        assert documents.changed_names(None, {"userName": "a", "active": True}) == (
            "userName",
            "active",
        )

    def test_equal_documents_differ_in_nothing(self, user_body: Document) -> None:
        assert documents.changed_names(user_body, copy.deepcopy(user_body)) == ()


class TestPresent:
    def presented(self, document: Document, **lists: Any) -> Document:
        resource_type = GROUP if "members" in lists else USER
        return documents.present(
            resource_type,
            document,
            id="1f",
            created="2030-01-31T12:00:00.123Z",
            modified="2030-01-31T12:00:00.456Z",
            version='W/"3"',
            location="https://host/scim/v2/Users/1f",
            **lists,
        )

    def test_a_user_is_shown_with_what_the_service_knows_of_it(self) -> None:
        assert self.presented({"userName": "ana", ENTERPRISE_USER_SCHEMA: {"division": "d"}}) == {
            "schemas": [USER_SCHEMA, ENTERPRISE_USER_SCHEMA],
            "id": "1f",
            "userName": "ana",
            ENTERPRISE_USER_SCHEMA: {"division": "d"},
            "meta": {
                "resourceType": "User",
                "created": "2030-01-31T12:00:00.123Z",
                "lastModified": "2030-01-31T12:00:00.456Z",
                "location": "https://host/scim/v2/Users/1f",
                "version": 'W/"3"',
            },
        }

    def test_an_extension_without_values_is_not_among_the_schemas(self) -> None:
        assert self.presented({"userName": "ana"})["schemas"] == [USER_SCHEMA]

    def test_lists_that_are_given_are_shown_even_when_empty(self) -> None:
        group = self.presented({"displayName": "Sales"}, members=())
        assert (group["schemas"], group["members"]) == ([GROUP_SCHEMA], [])
        assert self.presented({}, groups=[{"value": "g"}])["groups"] == [{"value": "g"}]
        assert self.presented({}).keys() == {"schemas", "id", "meta"}


def test_writing_an_attribute_leaves_the_given_document_alone() -> None:
    document: Document = {"userName": "a", ENTERPRISE_USER_SCHEMA: {"department": "d"}}
    path = USER.find("department")
    assert path is not None
    assert documents.put(document, path, "x")[ENTERPRISE_USER_SCHEMA] == {"department": "x"}
    assert documents.put(document, path, None) == {"userName": "a"}
    assert document == {"userName": "a", ENTERPRISE_USER_SCHEMA: {"department": "d"}}
