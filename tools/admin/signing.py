"""Keys of signatures, and trusts: what lies in the vault of them."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from shared.oauth.signatures import Signatures, UnusableKeyError, usable_key
from shared.oauth.trusts import parse_trust
from tools.admin.errors import NotDoneError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs access tokens.

    Attributes:
        private: in PEM.
        public: its public half, as of `public_pem`.
    """

    private: str = field(repr=False)
    public: str


def draw_signing_key() -> SigningKey:
    """Draw a key of the curve P-256."""
    private = Signatures.draw_key()
    public = load_pem_private_key(private.encode(), password=None).public_key()
    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SigningKey(private, base64.b64encode(encoded).decode())


def public_pem(tag: str) -> str:
    """Write a public key in PEM that a tag holds as base64 of SubjectPublicKeyInfo (RFC 5480)."""
    return f"-----BEGIN PUBLIC KEY-----\n{tag}\n-----END PUBLIC KEY-----\n"


def read_public_key(file: Path) -> str:
    """Read the public key of a client, in PEM.

    Raises:
        NotDoneError: the file holds none that the service would take.
    """
    try:
        key = usable_key(load_pem_public_key(file.read_bytes()))
    except OSError as error:
        raise NotDoneError(f"{file} cannot be read: {error.strerror}") from error
    except UnusableKeyError as error:
        raise NotDoneError(f"the key in {file} cannot be used: {error}") from error
    except ValueError as error:
        raise NotDoneError(
            f"{file} holds no public key in PEM: it begins with -----BEGIN PUBLIC KEY-----"
        ) from error
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def write_trust(
    issuer: str, jwks_uri: str, audiences: Sequence[str], subject: str, *, bearer: bool
) -> str:
    """Write a trust in tokens of another issuer.

    Raises:
        NotDoneError: the service would not take it.
    """
    trust = {
        "issuer": issuer,
        "jwksUri": jwks_uri,
        "audiences": list(audiences),
        "subject": subject,
        "bearer": bearer,
    }
    text = json.dumps(trust, indent=1)
    if parse_trust(text) is None:
        raise NotDoneError(
            "the service would not take this trust: give --issuer, --jwks (an https URL), --subject"
            " and at least one --audience, all as the issuer shows them"
        )
    return text
