"""Sealed entries of a trace: whoever has the private key opens them where they lie, or nobody."""

from __future__ import annotations

import pytest

from shared.trace_seals import BrokenSealError, SealKeys, draw_seal_keys, seal, unseal

PLACE = "acme/tr-1"
CONTENT = "Ana Ruiz, Straße".encode()


@pytest.fixture(scope="module")
def keys() -> SealKeys:
    return draw_seal_keys()


def test_what_is_sealed_is_opened_by_the_private_key(keys: SealKeys) -> None:
    sealed = seal(keys.public, CONTENT, PLACE)
    assert CONTENT not in sealed
    assert unseal(keys.private, sealed, PLACE) == CONTENT


def test_no_two_seals_are_alike(keys: SealKeys) -> None:
    assert seal(keys.public, CONTENT, PLACE) != seal(keys.public, CONTENT, PLACE)


def test_it_adds_49_bytes(keys: SealKeys) -> None:
    assert len(seal(keys.public, CONTENT, PLACE)) == len(CONTENT) + 49


def test_another_key_opens_nothing(keys: SealKeys) -> None:
    sealed = seal(keys.public, CONTENT, PLACE)
    with pytest.raises(BrokenSealError):
        unseal(draw_seal_keys().private, sealed, PLACE)


def test_the_public_key_opens_nothing(keys: SealKeys) -> None:
    sealed = seal(keys.public, CONTENT, PLACE)
    with pytest.raises(BrokenSealError):
        unseal(keys.public, sealed, PLACE)


def test_an_entry_that_was_moved_is_not_opened(keys: SealKeys) -> None:
    sealed = seal(keys.public, CONTENT, PLACE)
    with pytest.raises(BrokenSealError):
        unseal(keys.private, sealed, "another/tr-1")


def test_an_entry_of_which_any_byte_was_changed_is_not_opened(keys: SealKeys) -> None:
    sealed = seal(keys.public, CONTENT, PLACE)
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1
        with pytest.raises(BrokenSealError):
            unseal(keys.private, bytes(changed), PLACE)


@pytest.mark.parametrize("length", [0, 1, 32, 33, 48])
def test_an_entry_that_was_cut_is_not_opened(keys: SealKeys, length: int) -> None:
    sealed = seal(keys.public, CONTENT, PLACE)[:length]
    with pytest.raises(BrokenSealError):
        unseal(keys.private, sealed, PLACE)
