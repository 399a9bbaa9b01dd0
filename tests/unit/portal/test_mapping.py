"""Mapping review: what no schema has is ignored, what most products need may be missing."""

from __future__ import annotations

from portal.mapping import WANTED, SentOfType, gather_sent, review
from portal.texts import CATALOGUE
from shared.scim.core_schemas import GROUP, USER
from shared.store.provisioning_log import LogEntry

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def sent(*names: str, whole: int = 1) -> SentOfType:
    return SentOfType(set(names), whole, 1)


def test_what_no_schema_has_is_ignored() -> None:
    names = ("userName", "emails.value", f"{ENTERPRISE}:department", "department", "extension7")
    reviewed = review(USER, sent(*names, "name.middle", "roles.value"))
    assert reviewed.ignored == ["extension7", "name.middle"]
    assert "department" in reviewed.taken


def test_what_most_products_need_and_never_came_is_missing() -> None:
    reviewed = review(USER, sent("userName", "EMAILS.value", "name.givenName", "active"))
    assert [each.name for each in reviewed.missing] == [
        "externalId",
        "displayName",
        "name.familyName",
    ]
    assert [each.name for each in review(GROUP, sent("members.value")).missing] == ["externalId"]


def test_changes_alone_do_not_tell_what_never_comes() -> None:
    assert review(USER, sent("title", whole=0)).missing == []


def test_rows_of_all_instances_are_joined() -> None:
    rows = [
        LogEntry(5, "attributes", resource_type="User", shape=("title",), number=2),
        LogEntry(4, "refused", resource_type="User", shape=("active: string of 7",)),
        LogEntry(3, "attributes", resource_type="User", shape=("active",), number=1),
    ]
    joined = gather_sent(rows)
    assert joined == {"User": SentOfType({"title", "active"}, 3, 3)}


def test_every_attribute_that_is_wanted_is_known_and_says_why() -> None:
    for resource_type in (USER, GROUP):
        for each in WANTED[resource_type.name]:
            assert resource_type.find(each.name) is not None
            assert f"mapping.why.{each.key}" in CATALOGUE
            assert each.okta or f"mapping.okta.{each.key}" in CATALOGUE
