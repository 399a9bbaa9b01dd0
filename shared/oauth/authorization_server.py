"""The authorization server of every tenant: it gives clients access tokens and takes them back.

Whatever is kept of clients, and the keys that sign, are secrets of the vault, which the
authenticator reads and remembers with the tokens. So nothing is kept here, and a client that is
revoked is refused within a minute, with the access tokens that it has.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import math
import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from shared import clients
from shared.auth.tokens import Caller, SecretToken, digest_of, matching
from shared.clients import CredentialKind
from shared.clock import Clock
from shared.errors import InvalidClient, Unavailable
from shared.notices import Notices
from shared.oauth import access_tokens, assertions
from shared.oauth.access_tokens import AccessGrant
from shared.oauth.checks import ClaimCheck, failed_check, shown
from shared.oauth.credentials import AssertionPresented, SecretPresented
from shared.oauth.jwt_text import parse_jwt
from shared.oauth.key_sets import KeySets
from shared.oauth.metadata import token_endpoint
from shared.oauth.trusts import examine_foreign, parse_trust

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shared.auth.tokens import Authenticator
    from shared.oauth.credentials import ClientCredential, UseOnce
    from shared.oauth.jwt_text import UnverifiedJwt
    from shared.oauth.signatures import Signatures
    from shared.oauth.trusts import Trust

LONGEST_SECONDS = 6 * 3_600.0
"""Of an access token, whatever the setting was when it was signed."""

MOST_PREFETCHED = 20
"""Clients whose issuers' keys are fetched ahead of their first tokens."""

_RETRY_AFTER = 60
_NO_KEY = (
    "There is no signing key, so no access token is given; draw one: python -m tools.admin"
    " signing-key new"
)

_UNKNOWN = (
    "The client cannot be authenticated at this address: check the client id, what it is known by,"
    " and that the token endpoint is that of its Tenant URL."
)
"""The one answer to a client that is not known, whatever the reason."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token that was just signed.

    Attributes:
        text: The token.
        seconds: For how long it is valid.
        label: Of the credential by which it was obtained, for the log.
    """

    text: str = field(repr=False)
    seconds: int
    label: str


@dataclass(frozen=True, slots=True)
class JwtDecision:
    """What became of a JWT that was presented: a caller, or the check that it failed.

    Attributes:
        caller: Who was let in.
        failed: What was wrong with it.
    """

    caller: Caller | None = None
    failed: ClaimCheck | None = None


@dataclass(frozen=True, slots=True)
class _KnownClient:
    """A client that has shown who it is.

    Attributes:
        client: Its name.
        credential: The version of its secret by which it is known.
        until: When that ends, in POSIX seconds. Only what another issuer says of it does; then so
            does what is made of it.
        assertion: What is to be used once, as of `UseOnce`; None where nothing is.
    """

    client: str
    credential: SecretToken
    until: float = math.inf
    assertion: tuple[str, float] | None = None


class AuthorizationServer:
    """Gives access tokens to clients of tenants, and knows their callers again."""

    def __init__(
        self,
        authenticator: Authenticator,
        token_seconds: int,
        clock: Clock | None = None,
        key_sets: KeySets | None = None,
        *,
        draws_key: bool = False,
    ) -> None:
        """Prepare, without reading.

        Args:
            authenticator: Reads clients and signing keys.
            token_seconds: For how long an access token is valid.
            clock: The time by which tokens begin and end.
            key_sets: Keys of other issuers; of none when not given.
            draws_key: Sign with a key that is drawn for this process, as on a developer's machine,
                so that access tokens end with it.
        """
        self._authenticator = authenticator
        self._token_seconds = token_seconds
        self._clock = clock or Clock()
        self._key_sets = key_sets or KeySets((), self._clock)
        self._notices = Notices(clock=self._clock)
        self._opened: Signatures | None = None
        self._draws_key = draws_key
        self._drawn: SecretToken | None = None

    async def issue(
        self, tenant: str | None, issuer: str, presented: ClientCredential, use_once: UseOnce
    ) -> IssuedToken:
        """Give an access token to a client.

        Args:
            tenant: The tenant of the path; None is an unknown one.
            issuer: The Tenant URL at which it is asked for.
            presented: By what the client is known.
            use_once: Notes that an assertion is used, when nothing else is wrong with it.

        Raises:
            InvalidClient: The client is not known by it, whatever the reason.
            Unavailable, TooManyRequests: It cannot be decided at present.
        """
        known = await self._authenticate(tenant, issuer, presented)
        client, credential = known.client, known.credential
        if tenant is None or not await self._is_open(tenant, client):
            raise InvalidClient(_UNKNOWN, failed="tenant: expected an open one")
        key = await self._newest_key()
        if known.assertion is not None and not await use_once(*known.assertion):
            raise InvalidClient(_UNKNOWN, failed="jti: expected one that was not used")
        now = self._clock.wall()
        if known.until <= now:
            raise InvalidClient(_UNKNOWN, failed=f"exp: expected later than {int(now)}")
        grant = AccessGrant(tenant, client, credential.version, issuer)
        # It ends with the token of another issuer by which it was obtained.
        expires = min(now + self._token_seconds, known.until)
        claims = access_tokens.claims_of(grant, now, expires)
        text = await self._sign(claims, key)
        return IssuedToken(text, int(expires) - int(now), credential.label)

    async def _sign(self, claims: Mapping[str, Any], key: SecretToken) -> str:
        signatures = await self._signatures()
        try:
            return signatures.sign(claims, key.value, key.version, access_tokens.ACCESS_TOKEN_TYPE)
        except ValueError as error:
            if self._notices.is_due(key.label):
                _log.error("The signing key %s cannot be used: %s", key.label, error)
            raise _no_key() from error

    async def decide(self, tenant: str | None, issuer: str, text: str) -> JwtDecision | None:
        """Judge a bearer token that may be an access token of this tenant.

        Args:
            tenant: The tenant of the path; None is an unknown one.
            issuer: The Tenant URL of the request.
            text: What was sent.

        Returns:
            None if it is not meant for one, and so may be a secret token.

        Raises:
            Unavailable: It cannot be decided at present.
        """
        unverified = parse_jwt(text)
        if unverified is None or tenant is None:
            return None
        if unverified.header.get("typ") != access_tokens.ACCESS_TOKEN_TYPE:
            return await self._decide_on_foreign(tenant, unverified)
        keys = await self._versions(clients.SIGNING_KEY, unverified.key_id)
        key = next((each for each in keys if each.version == unverified.key_id), None)
        if key is None:
            return JwtDecision(failed=_refused("kid", "a signing key", unverified.key_id))
        signatures = await self._signatures()
        failed = failed_check(
            [
                *signatures.check_ours(unverified, key.value),
                *access_tokens.examine(
                    unverified.claims, tenant, issuer, self._clock.wall(), LONGEST_SECONDS
                ),
            ]
        )
        if failed is not None:
            return JwtDecision(failed=failed)
        return await self._decide_on_claims(tenant, unverified.claims, keys)

    async def _decide_on_claims(
        self, tenant: str, claims: Mapping[str, Any], keys: Sequence[SecretToken]
    ) -> JwtDecision:
        """Judge a token of ours for the tenant, by whether its client is still let in."""
        client, version = str(claims.get("client_id")), str(claims.get("client_version"))
        secret = clients.secret_name(tenant, client)
        credential = await self._authenticator.choose(secret, partial(_with_id, version))
        if credential is None:
            return JwtDecision(failed=_refused("client_version", "a valid one", version))
        if not await self._is_open(tenant, client):
            return JwtDecision(failed=_refused("tenant", "an open one", tenant))
        return JwtDecision(Caller(tenant, credential.label, tuple(_seals(tenant, keys))))

    async def _decide_on_foreign(self, tenant: str, token: UnverifiedJwt) -> JwtDecision | None:
        """Judge a token of another issuer; None if no client of the tenant is known by it."""
        decision = None
        for client in (await self._authenticator.accepted_credentials(tenant)).clients:
            for credential in await self._versions(clients.secret_name(tenant, client)):
                trust = parse_trust(credential.value)
                if trust is None or not trust.bearer or trust.issuer != token.issuer:
                    continue
                failed = await self._failed_of_foreign(token, trust)
                if failed is None:
                    keys = await self._versions(clients.SIGNING_KEY)
                    return JwtDecision(
                        Caller(tenant, credential.label, tuple(_seals(tenant, keys)))
                    )
                decision = JwtDecision(failed=failed)
        return decision

    async def _failed_of_foreign(self, token: UnverifiedJwt, trust: Trust) -> ClaimCheck | None:
        """Return what is wrong with a token of another issuer.

        The claims are looked at first, so that only what could be right has keys fetched.
        """
        failed = failed_check(list(examine_foreign(token.claims, trust, self._clock.wall())))
        if failed is not None:
            return failed
        key = await self._key_sets.key(trust, token.key_id)
        if key is None:
            return _refused("kid", f"a key of {trust.jwks_uri}", token.key_id)
        signatures = await self._signatures()
        return failed_check(signatures.check_by_jwk(token, key))

    async def _is_open(self, tenant: str, client: str) -> bool:
        """Tell whether a tenant is open, and to a client of it."""
        return client in (await self._authenticator.accepted_credentials(tenant)).clients

    async def _authenticate(
        self, tenant: str | None, issuer: str, presented: ClientCredential
    ) -> _KnownClient:
        """Return which client it is, and by what that is known."""
        if isinstance(presented, SecretPresented):
            return await self._by_secret(tenant, presented)
        return await self._by_assertion(tenant, issuer, presented)

    async def _by_secret(self, tenant: str | None, presented: SecretPresented) -> _KnownClient:
        client = clients.named(presented.client_id)
        # What has not the form of a secret is compared with none: a public key is known to many.
        is_secret = clients.is_secret(presented.secret)
        known = tenant is not None and client is not None and is_secret
        secret = clients.secret_name(tenant or "", client or "") if known else None
        digest = digest_of(presented.secret)
        credential = await self._authenticator.choose(secret, partial(matching, digest))
        if client is None or credential is None or credential.value:
            raise InvalidClient(_UNKNOWN)
        return _KnownClient(client, credential)

    async def _by_assertion(
        self, tenant: str | None, issuer: str, presented: AssertionPresented
    ) -> _KnownClient:
        unverified = parse_jwt(presented.assertion)
        subject = None if unverified is None else unverified.claims.get("sub")
        named = subject if presented.client_id is None else presented.client_id
        client = clients.named(named) if isinstance(named, str) else None
        known = tenant is not None and client is not None and unverified is not None
        secret = clients.secret_name(tenant or "", client or "") if known else None
        credentials = await self._versions(secret)
        if client is None or unverified is None:
            raise InvalidClient(_UNKNOWN, failed="assertion: expected a JWT of a client")
        failed = _refused("client", "one with a public key or a trust", client)
        for credential in credentials:
            if clients.kind_of(credential.value) is None:
                continue  # a secret, of which the value is not kept
            found = await self._failed_of_assertion(unverified, credential.value, client, issuer)
            if found is None:
                is_foreign = clients.kind_of(credential.value) is CredentialKind.TRUST
                until = float(unverified.claims["exp"]) if is_foreign else math.inf
                return _KnownClient(client, credential, until, _assertion(unverified.claims))
            failed = found
        raise InvalidClient(_UNKNOWN, failed=str(failed))

    async def _failed_of_assertion(
        self, unverified: UnverifiedJwt, value: str, client: str, issuer: str
    ) -> ClaimCheck | None:
        """Return what is wrong with an assertion by a public key, or by a trust."""
        if clients.kind_of(value) is CredentialKind.TRUST:
            trust = parse_trust(value)
            if trust is None:
                return _refused("trust", "a trust that can be read", "another")
            return await self._failed_of_foreign(unverified, trust)
        signatures = await self._signatures()
        signed = signatures.check_by_public_key(unverified, value)
        return failed_check([*signed, *self._examine_own(unverified.claims, client, issuer)])

    def _examine_own(
        self, claims: Mapping[str, Any], client: str, issuer: str
    ) -> Iterator[ClaimCheck]:
        audiences = (token_endpoint(issuer), issuer)
        return assertions.examine_own(claims, client, audiences, self._clock.wall())

    async def prefetch_keys(self) -> None:
        """Fetch the keys of other issuers ahead of their first tokens, and import cryptography.

        Where no client is known by tokens of another issuer, nothing is read but the list of
        secrets. Of many clients those are taken whose secrets were changed last.

        Raises:
            Unavailable: The list of secrets, or a secret, cannot be read.
        """
        federated = (await self._authenticator.federated_clients())[:MOST_PREFETCHED]
        if not federated:
            return
        await self._signatures()
        for tenant, client in federated:
            for credential in await self._versions(clients.secret_name(tenant, client)):
                trust = parse_trust(credential.value)
                if trust is not None:
                    self._key_sets.prefetch(trust)

    async def close(self) -> None:
        """End what is being fetched."""
        await self._key_sets.close()

    async def _signatures(self) -> Signatures:
        """Return what does cryptography, imported in a thread when it is needed first."""
        if self._opened is None:
            self._opened = await asyncio.to_thread(_open_signatures)
        return self._opened

    async def _newest_key(self) -> SecretToken:
        """Return the key that signs.

        Raises:
            Unavailable: There is none; the log says how to draw one, once a minute at most.
        """
        keys = await self._versions(clients.SIGNING_KEY)
        if not keys:
            if self._notices.is_due(clients.SIGNING_KEY):
                _log.error("%s", _NO_KEY)
            raise _no_key()
        return keys[0]

    async def _own_key(self) -> SecretToken:
        """Return the key of this process, drawn when it is needed first."""
        signatures = await self._signatures()
        if self._drawn is None:
            pem, version = signatures.draw_key(), secrets.token_hex(16)
            label = f"{clients.SIGNING_KEY}/{version[:8]}"
            self._drawn = SecretToken(version, label, digest_of(pem), -math.inf, math.inf, pem)
        return self._drawn

    async def _versions(self, secret: str | None, wanted: str = "") -> list[SecretToken]:
        """Return the valid versions of a secret, the newest first; none if it is closed.

        Args:
            secret: Name of the secret; None for one that cannot exist.
            wanted: Id of the one for which they are read again if it is not among them.
        """
        if secret == clients.SIGNING_KEY and self._draws_key:
            return [await self._own_key()]
        found: list[SecretToken] = []

        def choose(versions: Sequence[SecretToken], most: int) -> SecretToken | None:
            found[:] = versions[:most]
            return _with_id(wanted, found, most) if wanted else next(iter(found), None)

        await self._authenticator.choose(secret, choose)
        return found


def _assertion(claims: Mapping[str, Any]) -> tuple[str, float] | None:
    """Name an assertion that is used once; Entra's have no id, and are used again."""
    assertion_id = claims.get("jti")
    if not isinstance(assertion_id, str):
        return None
    return json.dumps([claims["iss"], assertion_id]), claims["exp"] + assertions.LEEWAY_SECONDS


def _no_key() -> Unavailable:
    return Unavailable(
        "The service has no key to sign with; its operator finds it in the log.",
        retry_after=_RETRY_AFTER,
    )


def _refused(name: str, expected: str, received: str) -> ClaimCheck:
    return ClaimCheck(name, passed=False, expected=expected, received=shown(received))


def _with_id(version: str, versions: Sequence[SecretToken], most: int) -> SecretToken | None:
    return next((each for each in versions[:most] if each.version == version), None)


def _seals(tenant: str, keys: Sequence[SecretToken]) -> list[bytes]:
    """Return the secrets that seal what a client is given to bring back, as cursors are.

    They outlast its access token, and the client has no other secret that all instances know.
    """
    text = f"seals of {tenant}".encode()
    return [hmac.digest(key.digest, text, hashlib.sha256) for key in keys]


def _open_signatures() -> Signatures:
    # Imported here: it takes a tenth of a second, and who sends a secret token never needs it.
    from shared.oauth.signatures import Signatures  # noqa: PLC0415 - see above

    return Signatures()
