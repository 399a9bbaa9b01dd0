"""Seals: what the service writes and cannot read again, since only the private key opens it.

For each entry a key pair of X25519 is drawn. Its agreement with the public key of the trace gives,
by HKDF with SHA-256, a key of AES-256-GCM that encrypts this entry and no other. So the nonce may
be a constant. The place of the entry is authenticated with it, so that it cannot be moved.

A sealed entry is a byte for the form, the public key that was drawn, and the ciphertext.
"""

import base64
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_FORM: Final = b"\x01"
_KEY_BYTES: Final = 32
_NONCE: Final = bytes(12)
_PURPOSE: Final = b"scim-trace 1"


class BrokenSealError(Exception):
    """It was changed or moved, or was sealed for another key."""


class SealKeys(NamedTuple):
    """A key pair in base64url.

    Attributes:
        public: seals.
        private: opens.
    """

    public: str
    private: str


def draw_seal_keys() -> SealKeys:
    """Draw a key pair."""
    key = X25519PrivateKey.generate()
    return SealKeys(_text(key.public_key().public_bytes_raw()), _text(key.private_bytes_raw()))


def seal(public: str, content: bytes, place: str) -> bytes:
    """Encrypt bytes for whoever has the private key.

    Args:
        public: the public key.
        content: the bytes.
        place: where they will lie.
    """
    drawn, recipient = X25519PrivateKey.generate(), _bytes(public)
    sent = drawn.public_key().public_bytes_raw()
    shared = drawn.exchange(X25519PublicKey.from_public_bytes(recipient))
    encrypted = _cipher(shared, sent, recipient).encrypt(_NONCE, content, place.encode())
    return _FORM + sent + encrypted


def unseal(private: str, sealed: bytes, place: str) -> bytes:
    """Decrypt what was sealed.

    Args:
        private: the private key.
        sealed: what `seal` has returned.
        place: where it was found.

    Raises:
        BrokenSealError: it was changed or moved, or was sealed for another key.
    """
    form, sent, encrypted = sealed[:1], sealed[1 : 1 + _KEY_BYTES], sealed[1 + _KEY_BYTES :]
    try:
        key = X25519PrivateKey.from_private_bytes(_bytes(private))
        shared = key.exchange(X25519PublicKey.from_public_bytes(sent))
        recipient = key.public_key().public_bytes_raw()
        opened = _cipher(shared, sent, recipient).decrypt(_NONCE, encrypted, place.encode())
    except (InvalidTag, ValueError) as error:
        raise BrokenSealError from error
    if form != _FORM:
        raise BrokenSealError
    return opened


def _cipher(shared: bytes, sent: bytes, recipient: bytes) -> AESGCM:
    information = _PURPOSE + sent + recipient
    return AESGCM(HKDF(SHA256(), _KEY_BYTES, salt=None, info=information).derive(shared))


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()


def _bytes(key: str) -> bytes:
    return base64.urlsafe_b64decode(key)
