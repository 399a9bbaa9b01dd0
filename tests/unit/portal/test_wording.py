"""Change rows in words, of kinds that no request of an identity provider writes."""

from __future__ import annotations

import pytest

from portal.texts import LANGUAGES, Language, Texts
from portal.wording import KINDS, entry_of, is_of_vendor
from shared.store.changes import Change, RecordedChange

UID = "b" * 32


def recorded(change: Change, method: str = "PATCH") -> RecordedChange:
    return RecordedChange(f"l-{1:012x}{7:020x}", 1, "label", "request", change, method)


@pytest.mark.parametrize(
    ("change", "kind", "what", "name"),
    [
        (
            Change("User", UID, "roles", ("roles",), 3),
            "updated",
            "By another role map, changed the roles of",
            "Ana Ruiz",
        ),
        (
            Change("Tenant", "acme", "settings", ("roleMap",), version=2),
            "settings",
            "Changed settings of the tenant: the role map",
            "",
        ),
        (Change("SetupLink", UID, "create"), "portal", "Made a setup link", ""),
        (Change("SecretToken", UID, "create", ("drawn",)), "portal", "Drew a secret token", ""),
        (
            Change("SecretToken", UID, "delete", ("revoked",)),
            "portal",
            "Revoked a secret token",
            "",
        ),
    ],
)
def test_a_change_is_told_as(change: Change, kind: str, what: str, name: str) -> None:
    entry = entry_of(recorded(change), {UID: "Ana Ruiz"}, Texts("en"))
    assert (entry.kind, entry.what, entry.name) == (kind, what, name)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_its_word(language: Language) -> None:
    assert all(Texts(language)(f"kind.{kind}") for kind in KINDS)


@pytest.mark.parametrize(
    ("change", "method", "of_vendor"),
    [
        (Change("User", UID, "update", ("title",)), "PATCH", False),
        (Change("User", UID, "update", ("title",)), "", False),
        (Change("User", UID, "create"), "admin", True),
        (Change("User", UID, "roles", ("roles",), 3), "sweep", True),
        (Change("Tenant", "acme", "settings", ("roleMap",)), "PATCH", True),
        (Change("SetupLink", UID, "create"), "POST", True),
    ],
)
def test_what_no_identity_provider_does_is_known(
    change: Change, method: str, *, of_vendor: bool
) -> None:
    assert is_of_vendor(recorded(change, method)) is of_vendor
