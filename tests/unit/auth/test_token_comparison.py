"""Comparing takes the same work whatever is compared, so that its time tells nothing."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from shared.auth import tokens
from shared.auth.tokens import digest_of, matching
from shared.errors import Unauthorized

if TYPE_CHECKING:
    from shared.auth.vault import VaultTokens
    from tests.support.fakes.clock import Time
    from tests.support.fakes.key_vault import FakeKeyVault


@dataclass(frozen=True, slots=True)
class Kept:
    digest: bytes


FIRST, SECOND = Kept(digest_of("the-first-token")), Kept(digest_of("the-second-token"))


@pytest.fixture
def lengths(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The lengths of what was compared, in order."""
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    class Watched:
        compare_digest = staticmethod(compare)

    monkeypatch.setattr(tokens, "hmac", Watched)
    return compared


@pytest.mark.parametrize(
    ("token", "valid", "expected"),
    [
        ("the-first-token", (FIRST, SECOND), FIRST),
        ("the-second-token", (FIRST, SECOND), SECOND),
        ("the-first-token", (FIRST,), FIRST),
        ("another-token", (FIRST, SECOND), None),
        ("another-token", (FIRST,), None),
        ("another-token", (), None),
    ],
)
def test_every_comparison_is_one_of_two_digests_of_constant_length(
    lengths: list[tuple[int, int]], token: str, valid: tuple[Kept, ...], expected: Kept | None
) -> None:
    assert matching(digest_of(token), valid) is expected
    assert lengths == [(32, 32), (32, 32)]


@pytest.mark.parametrize("seconds", [0, 1, 45, 300])
async def test_as_much_is_compared_for_a_tenant_that_exists_as_for_one_that_does_not(
    tokens: VaultTokens,
    vault: FakeKeyVault,
    clock: Time,
    lengths: list[tuple[int, int]],
    seconds: float,
) -> None:
    vault.put("scim-token--acme", "the-first-token-of-acme")
    vault.put("scim-token--acme", "the-second-token-of-acme")
    vault.put("scim-token--closed", "the-token-of-a-closed-tenant", enabled=False)
    await tokens.authenticate("acme", "Bearer the-first-token-of-acme")
    compared = []
    for tenant in ("acme", "closed", "nobody", None):
        clock.advance(seconds)
        lengths.clear()
        with pytest.raises(Unauthorized):
            await tokens.authenticate(tenant, "Bearer a-token-of-nobody-at-all")
        compared.append(list(lengths))
        clock.advance(60)
        await tokens.authenticate("acme", "Bearer the-second-token-of-acme")
    assert compared == [compared[0]] * 4
    assert set(compared[0]) == {(32, 32)}
