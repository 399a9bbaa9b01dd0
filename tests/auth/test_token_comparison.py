"""Comparing takes the same work whatever is compared, so that its time tells nothing."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import pytest

from shared.auth import tokens
from shared.auth.tokens import digest_of, matching


@dataclass(frozen=True, slots=True)
class Kept:
    digest: bytes


FIRST, SECOND = Kept(digest_of("the-first-token")), Kept(digest_of("the-second-token"))


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
    monkeypatch: pytest.MonkeyPatch, token: str, valid: tuple[Kept, ...], expected: Kept | None
) -> None:
    lengths: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        lengths.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    class Watched:
        compare_digest = staticmethod(compare)

    monkeypatch.setattr(tokens, "hmac", Watched)
    assert matching(digest_of(token), valid) is expected
    assert lengths == [(32, 32), (32, 32)]
