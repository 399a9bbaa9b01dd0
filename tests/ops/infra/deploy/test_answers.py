"""infra/answers.py: which version of a secret is the token, as the service itself decides it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.answers import token
from shared.auth.vault import _eligible, _usable
from shared.auth.versions import SecretVersion

NOW = 1_800_000_000
SECOND_WORDS = {"valid", "disabled"}

around_now = st.integers(NOW - 3, NOW + 3)
versions = st.lists(
    st.builds(
        SecretVersion,
        id=st.uuids().map(lambda each: each.hex),
        enabled=st.booleans(),
        created=st.integers(NOW - 10_000, NOW - 10),
        not_before=st.none() | around_now,
        expires=st.none() | around_now,
    ),
    max_size=5,
    unique_by=(lambda each: each.id, lambda each: each.created),
)


def as_az_lists(version: SecretVersion) -> dict[str, Any]:
    def time(seconds: float | None) -> str | None:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()

    return {
        "id": f"https://contoso.vault.azure.net/secrets/scim-token/{version.id}",
        "attributes": {
            "enabled": version.enabled,
            "created": time(version.created),
            "notBefore": time(version.not_before),
            "expires": time(version.expires),
        },
    }


def valid_for_the_service(listed: list[SecretVersion]) -> list[str]:
    """The ids of the versions that open the tenant now, the newest first."""
    newest_first = sorted(listed, key=lambda each: each.created, reverse=True)
    if not newest_first or not newest_first[0].enabled:
        return []  # the vault lists the secret as disabled, so there is no such tenant
    return [
        version.id
        for version in _eligible(_usable(listed, NOW), NOW)
        if version.not_before is None or version.not_before <= NOW
    ]


@settings(deadline=None)
@given(versions)
def test_a_version_is_the_token_when_it_is_the_newest_that_opens_the_tenant(
    listed: list[SecretVersion],
) -> None:
    state, _, rest = token([as_az_lists(each) for each in listed], NOW).partition(" ")
    found = rest.split()[:1] if state == "valid" else []
    assert found == valid_for_the_service(listed)[:1]


@settings(deadline=None)
@given(versions)
def test_a_token_that_was_withdrawn_is_told_from_one_that_is_over(
    listed: list[SecretVersion],
) -> None:
    state = token([as_az_lists(each) for each in listed], NOW).partition(" ")[0]
    newest = max(listed, key=lambda each: each.created, default=None)
    assert (state == "none") == (newest is None)
    assert (state == "disabled") == (newest is not None and not newest.enabled)


def test_the_day_of_expiry_is_told() -> None:
    version = SecretVersion("v1", enabled=True, created=1, not_before=None, expires=NOW + 86_400)
    assert token([as_az_lists(version)], NOW) == "valid v1 2027-01-16"
    version = SecretVersion("v1", enabled=True, created=1, not_before=None, expires=None)
    assert token([as_az_lists(version)], NOW) == "valid v1 never"
