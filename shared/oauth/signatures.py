"""Signatures of JWTs: the one module that does cryptography.

PyJWT takes a tenth of a second to import, so this module is imported when a JWT is met. PyJWT does
the signatures alone: it is told the key and the algorithm, and looks at no claim.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from shared.oauth.checks import ClaimCheck, exactly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.oauth.jwt_text import UnverifiedJwt

PublicKey = EllipticCurvePublicKey | RSAPublicKey

_LEAST_RSA_BITS = 2_048


class UnusableKeyError(ValueError):
    """A key is none, or not of the kind that is used here; the message says what it must be."""


class Signatures:
    """Signs JWTs, and tells who has signed one. What uses it needs to import nothing."""

    def __init__(self) -> None:
        self._jws = jwt.PyJWS()

    @staticmethod
    def draw_key() -> str:
        """Draw a private key that can sign, in PEM."""
        key = generate_private_key(SECP256R1())
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def sign(self, claims: Mapping[str, Any], pem: str, key_id: str, media_type: str) -> str:
        """Sign claims with ES256.

        Raises:
            UnusableKeyError: The key is no private key of the curve P-256.
        """
        headers = {"kid": key_id, "typ": media_type}
        return jwt.encode(dict(claims), _private_key(pem), algorithm="ES256", headers=headers)

    def check_ours(self, unverified: UnverifiedJwt, pem: str) -> list[ClaimCheck]:
        """Check a JWT against the private key that should have signed it."""
        try:
            key = _private_key(pem)
        except UnusableKeyError as error:
            return [ClaimCheck("key", False, "one that can be used", str(error))]
        return self._check(unverified, key.public_key())

    def check_by_public_key(self, unverified: UnverifiedJwt, pem: str) -> list[ClaimCheck]:
        """Check a JWT against a public key in PEM."""
        try:
            key = _public_key(pem)
        except UnusableKeyError as error:
            return [ClaimCheck("key", False, "one that can be used", str(error))]
        return self._check(unverified, key)

    def check_by_jwk(self, unverified: UnverifiedJwt, jwk: Mapping[str, Any]) -> list[ClaimCheck]:
        """Check a JWT against a key of a JWK Set (RFC 7517)."""
        try:
            key = usable_key(jwt.PyJWK(dict(jwk)).key)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            return [ClaimCheck("key", False, "one that can be used", str(error)[:100])]
        return self._check(unverified, key)

    def _check(self, unverified: UnverifiedJwt, key: PublicKey) -> list[ClaimCheck]:
        """Check that a JWT is signed, by the one algorithm of a key, whatever its header says."""
        algorithm = "ES256" if isinstance(key, EllipticCurvePublicKey) else "RS256"
        named = exactly("alg", algorithm, unverified.header.get("alg"))
        is_signed = named.passed and self._is_signed(unverified.text, key, algorithm)
        return [named, ClaimCheck("signature", is_signed, "by the key", "another")]

    def _is_signed(self, text: str, key: PublicKey, algorithm: str) -> bool:
        try:
            self._jws.decode(text, key, algorithms=[algorithm])
        except jwt.PyJWTError:
            return False
        return True


@lru_cache(maxsize=4)
def _private_key(pem: str) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise UnusableKeyError("it is no private key in PEM") from error
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise UnusableKeyError("it is no private key of the curve P-256")
    return key


@lru_cache(maxsize=64)
def _public_key(pem: str) -> PublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise UnusableKeyError("it is no public key in PEM") from error
    return usable_key(key)


def usable_key(key: object) -> PublicKey:
    """Return a key if it is of a kind that is used here.

    Raises:
        UnusableKeyError: It is none of the curve P-256, and none of RSA with 2,048 bits.
    """
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    if isinstance(key, RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS:
        return key
    raise UnusableKeyError(f"it must be of the curve P-256, or of RSA with {_LEAST_RSA_BITS} bits")
