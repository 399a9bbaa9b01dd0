"""Another issuer of tokens on loopback, as Entra is: its keys, and what is wrong with them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.support.oauth import private_key, public_half, rsa_key, signed

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUER = "https://login.example.com/4f1e/v2.0"
AUDIENCE = "api://b5ba7a93-4452-4522-aeb4-a2b5da870c16"
SUBJECT = "d2f8ee76-c549-45b8-a143-f5b640669704"


@dataclass(slots=True)
class FakeIssuer:
    """An issuer.

    Attributes:
        url: Where it listens, once it does.
        keys: Private keys by id, those of RSA and of elliptic curves.
        requests: Paths that were asked for.
        answer: What it answers instead of its key set.
        is_silent: Whether it leaves requests without an answer.
        is_asked: Whether anything was asked for.
    """

    url: str = ""
    keys: dict[str, str] = field(default_factory=lambda: {"key-1": rsa_key()})
    requests: list[str] = field(default_factory=list)
    answer: Callable[[], web.Response] | None = None
    is_silent: bool = False
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request.path)
        self.is_asked.set()
        if self.is_silent:
            await asyncio.Event().wait()
        if self.answer is not None:
            return self.answer()
        return web.json_response({"keys": [self.jwk(key_id) for key_id in self.keys]})

    def jwk(self, key_id: str) -> dict[str, Any]:
        """A key as Entra lists it, with a certificate that nobody here looks at."""
        key = load_pem_public_key(public_half(self.keys[key_id]).encode())
        if isinstance(key, RSAPublicKey):
            shown = RSAAlgorithm.to_jwk(key, as_dict=True)
        else:
            assert isinstance(key, EllipticCurvePublicKey)
            shown = ECAlgorithm.to_jwk(key, as_dict=True)
        return {**shown, "kid": key_id, "use": "sig", "x5c": ["MII"], "issuer": ISSUER}

    def add_curve_key(self, key_id: str) -> None:
        self.keys[key_id] = private_key()

    @property
    def jwks_uri(self) -> str:
        return f"{self.url}/4f1e/discovery/v2.0/keys"

    @property
    def host(self) -> str:
        return self.url.removeprefix("https://")

    def trust(self, **changes: Any) -> str:
        """A trust in this issuer, as it lies in the vault."""
        held = {
            "issuer": ISSUER,
            "jwksUri": self.jwks_uri,
            "audiences": [AUDIENCE],
            "subject": SUBJECT,
        }
        return json.dumps({**held, **changes})

    def token(self, now: float, key_id: str = "key-1", **changes: Any) -> str:
        """A token as Entra issues it for a workload identity."""
        claims = {
            "aud": AUDIENCE,
            "iss": ISSUER,
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + 3_900,
            "appid": AUDIENCE.removeprefix("api://"),
            "oid": SUBJECT,
            "sub": SUBJECT,
            "tid": "4f1e",
            "ver": "2.0",
        }
        key = self.keys.get(key_id) or next(iter(self.keys.values()))
        algorithm = "ES256" if len(key) < 400 else "RS256"
        return signed({**claims, **changes}, key, algorithm, kid=key_id)
