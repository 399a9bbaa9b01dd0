"""Entries of the provisioning log in words, each with what to do, in every language."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from portal.log_wording import entry_of_log, kinds_of, remedy_of
from portal.texts import LANGUAGES, Language, Texts
from shared.errors import ScimError
from shared.store.provisioning_log import KeptEntry, LeftOutReason, LogEntry

UID = "b" * 32
ANA = "ana@contoso.test"


def entry(**values: Any) -> LogEntry:
    told: dict[str, Any] = {
        "time": 1_000,
        "kind": "refused",
        "method": "POST",
        "route": "scim/v2/Users",
        "resource_type": "User",
        "names": {"userName": ANA},
        "status": 400,
    }
    return LogEntry(**{**told, **values})


@pytest.mark.parametrize(
    ("values", "what", "name"),
    [
        ({}, "Refused to create the user", ANA),
        (
            {"method": "PATCH", "resource_id": UID, "names": {}},
            "Refused to change the user",
            "Ana Ruiz",
        ),
        ({"method": "DELETE", "resource_type": "Group"}, "Refused to delete the group", ANA),
        ({"method": "GET", "names": {}}, "Refused to read users", ""),
        ({"route": "scim/v2/Users/.search"}, "Refused to read users", ANA),
        ({"resource_type": "Devices"}, "Refused to create a resource", ANA),
        ({"status": 404, "method": "GET"}, "Was asked for a user who is not here", ANA),
        (
            {"kind": "slow", "status": 200, "milliseconds": 7_400.0},
            "Took 7 seconds to answer about the user",
            ANA,
        ),
        (
            {"kind": "skippedMembers", "resource_type": "Group", "members": ("x", "y")},
            "Skipped 2 members of the group",
            ANA,
        ),
        (
            {"kind": "leftOut", "number": 9_700, "reason": "tooMany", "names": {}},
            "9,700 refusals are not listed one by one: too many came in a minute.",
            "",
        ),
    ],
)
def test_an_entry_is_told_as(values: dict[str, Any], what: str, name: str) -> None:
    told = entry_of_log(KeptEntry.of(entry(**values)), {UID: "Ana Ruiz"}, Texts("en"))
    assert (told.what, told.name) == (what, name)
    assert told.remedy


def test_a_refusal_quotes_what_was_answered_and_has_the_ids_of_both_sides() -> None:
    kept = KeptEntry.of(
        entry(
            scim_type="invalidValue",
            path="active",
            detail="Send a boolean.",
            operation=0,
            request_id="ours",
            client_request_id="theirs",
        )
    )
    told = entry_of_log(kept, {}, Texts("en"))
    assert told.answered == "400 invalidValue active: Send a boolean."
    assert (told.request_id, told.client_request_id) == ("ours", "theirs")
    assert told.details == ("In operation 1 of the request",)


def refusals(error: type[ScimError]) -> set[type[ScimError]]:
    return {error}.union(*(refusals(each) for each in error.__subclasses__()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_of_the_service_has_a_remedy(language: Language) -> None:
    texts = Texts(language)
    for error in refusals(ScimError):
        refused = entry(status=error.status, scim_type=error.scim_type or "")
        assert texts(f"remedy.{remedy_of(refused)}")
    for reason in get_args(LeftOutReason):
        assert texts(f"remedy.{remedy_of(entry(kind='leftOut', reason=reason))}")


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ({}, {"created"}),
        ({"method": "PATCH"}, {"updated"}),
        ({"method": "PATCH", "resource_type": "Group"}, {"updated", "members"}),
        ({"method": "GET"}, set()),
        ({"kind": "skippedMembers", "method": "POST"}, {"members"}),
    ],
)
def test_what_was_tried_is_filtered_as_what_was_done(
    values: dict[str, Any], kinds: set[str]
) -> None:
    assert kinds_of(entry(**values)) == kinds
