"""Keys, secrets and assertions of OAuth clients, made as a client of one's own would make them."""

from __future__ import annotations

import secrets
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

SIGNING_KEY = "scim-signing-key"
SECRET = f"scimsecret_{'s' * 43}"


def client_secret() -> str:
    return f"scimsecret_{secrets.token_urlsafe(32)}"


def private_key(curve: ec.EllipticCurve | None = None) -> str:
    """A private key of an elliptic curve, P-256 unless told otherwise, in PEM."""
    return _pem(ec.generate_private_key(curve or ec.SECP256R1()))


def rsa_key(bits: int = 2_048) -> str:
    return _pem(rsa.generate_private_key(65_537, bits))


def public_half(pem: str) -> str:
    key = load_pem_private_key(pem.encode(), None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signed(claims: dict[str, Any], key: str, algorithm: str = "ES256", **header: Any) -> str:
    """A JWT with these claims, those that are None left out."""
    held = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(held, key, algorithm=algorithm, headers=header)


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
