"""Why a JWT is refused: each thing that the service checks of it, what it expects and what it got.

The checks are those of the service (`shared/oauth/`). What cannot be known here is said to be
unchecked: without a vault all that lies in it. The signature of an access token is checked by the
public half of the key, which is a tag of it: the key itself is never read. Nothing of a token is
shown but its header and the claims that are checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from shared import clients
from shared.auth.versions import VersionState, having, standings
from shared.errors import Unavailable
from shared.oauth import access_tokens, assertions, checks
from shared.oauth.checks import ClaimCheck
from shared.oauth.key_sets import KeySets
from shared.oauth.metadata import token_endpoint
from shared.oauth.trusts import Trust, examine_foreign, parse_trust
from tools.admin.holders import PUBLIC_KEY_TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from shared.auth.versions import SecretVersion, Standing
    from shared.oauth.jwt_text import UnverifiedJwt
    from tools.admin.vault import TokenVault

LONGEST_OF_ACCESS_TOKEN = 6 * 3_600.0

Outcome = Literal["passed", "failed", "not checked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a check.

    Attributes:
        check: what was looked at, named as in `failedCheck` of the log.
        outcome: whether it is as expected, and "not checked" where that cannot be known here.
        expected: what would have passed; of what was not checked, what would tell.
        received: what was there.
    """

    check: str
    outcome: Outcome
    expected: str = ""
    received: str = ""

    @classmethod
    def of(cls, check: ClaimCheck) -> Finding:
        """Make one of a check of the service."""
        outcome: Outcome = "passed" if check.passed else "failed"
        return cls(check.name, outcome, check.expected, check.received)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about.

    Attributes:
        token: the JWT.
        tenant: where it was sent to.
        url: the Tenant URL of that; None where it is not known.
        client: the client id that was sent with it; "" for none.
        now: POSIX seconds.
    """

    token: UnverifiedJwt
    tenant: str
    url: str | None
    client: str
    now: float

    @property
    def is_access_token(self) -> bool:
        """Whether it is meant for one of the service's own."""
        return self.token.header.get("typ") == access_tokens.ACCESS_TOKEN_TYPE


@dataclass(frozen=True, slots=True)
class Credential:
    """A valid credential of a client that is no secret: a public key or a trust."""

    client: str
    version: str
    value: str = field(repr=False)

    @property
    def trust(self) -> Trust | None:
        """The trust that it is; None for a public key."""
        return parse_trust(self.value)


@dataclass(frozen=True, slots=True)
class Held:
    """What the vault holds of a tenant.

    Attributes:
        tenant: versions of the tenant's secret.
        signing_keys: versions of the signing key.
        clients: versions of each client that is open.
        credentials: what clients are known by, without secrets.
    """

    tenant: Sequence[Standing]
    signing_keys: Sequence[Standing]
    clients: Mapping[str, Sequence[Standing]]
    credentials: Sequence[Credential]


async def read_vault(vault: TokenVault, tenant_secret: str, asked: Asked) -> Held:
    """Read what the checks need: 2 calls, and for each client of the tenant 1 and its values."""
    open_clients: dict[str, Sequence[Standing]] = {}
    credentials: list[Credential] = []
    for each in await vault.clients():
        if each.tenant != asked.tenant or not each.is_open:
            continue
        secret = clients.secret_name(each.tenant, each.name)
        judged = standings(await vault.versions(secret), asked.now)
        open_clients[each.name] = judged
        for version in having(VersionState.VALID, judged):
            value = await vault.public_value(secret, version.id)
            if value:
                credentials.append(Credential(each.name, version.id, value))
    of_tenant = standings(await vault.versions(tenant_secret), asked.now)
    signing = standings(await vault.versions(clients.SIGNING_KEY), asked.now)
    return Held(of_tenant, signing, open_clients, credentials)


async def findings(asked: Asked, held: Held | None) -> list[Finding]:
    """Check a JWT as the service does, as far as that can be done here.

    Args:
        asked: what is asked about.
        held: what the vault holds; None without one.
    """
    if asked.is_access_token:
        return [*_of_access_token(asked), *_of_its_client(asked, held)]
    if held is None:
        return [
            Finding("alg", "not checked", "--vault", checks.shown(asked.token.algorithm)),
            *map(Finding.of, checks.times(asked.token.claims, asked.now, 60, 25 * 3_600)),
            *(
                Finding(name, "not checked", "--vault", checks.shown(asked.token.claims.get(name)))
                for name in ("iss", "aud", "sub")
            ),
            Finding("signature", "not checked", "--vault"),
        ]
    return [*await _of_best_credential(asked, held), *_of_tenant(held)]


def _of_access_token(asked: Asked) -> list[Finding]:
    """Check the claims of an access token; iss and aud only where the Tenant URL is known."""
    claims = asked.token.claims
    issuer = asked.url or asked.token.issuer
    examined = access_tokens.examine(
        claims, asked.tenant, issuer, asked.now, LONGEST_OF_ACCESS_TOKEN
    )
    found = [Finding.of(check) for check in examined]
    if asked.url is not None:
        return found
    unknown = "the Tenant URL of the request: --url"
    return [
        replace(each, outcome="not checked", expected=unknown)
        if each.check in {"iss", "aud"}
        else each
        for each in found
    ]


def _of_its_client(asked: Asked, held: Held | None) -> list[Finding]:
    """Check what an access token rests on: a signing key, a client and a tenant."""
    claims, key_id = asked.token.claims, asked.token.key_id
    if held is None:
        names = ("kid", "signature", "client_version", "tenant")
        return [Finding(name, "not checked", "--vault") for name in names]
    version = str(claims.get("client_version"))
    client = str(claims.get("client_id"))
    of_client = held.clients.get(client, ())
    return [
        Finding.of(exactly_one_of("alg", ["ES256"], asked.token.algorithm)),
        Finding.of(exactly_one_of("kid", _ids(held.signing_keys), key_id)),
        _of_our_signature(asked.token, held.signing_keys),
        Finding.of(exactly_one_of("client", sorted(held.clients), client)),
        Finding.of(exactly_one_of("client_version", _ids(of_client), version)),
        *_of_tenant(held),
    ]


def _of_our_signature(token: UnverifiedJwt, signing_keys: Sequence[Standing]) -> Finding:
    """Check the signature of an access token by the key that it names, valid or not."""
    tags = [each.version.tags for each in signing_keys if each.version.id == token.key_id]
    public = tags[0].get(PUBLIC_KEY_TAG, "") if tags else ""
    if not public:
        return Finding("signature", "not checked", f"a signing key with the tag {PUBLIC_KEY_TAG}")
    # 0.1 s that `--help` spares.
    from shared.oauth.signatures import Signatures  # noqa: PLC0415
    from tools.admin.signing import public_pem  # noqa: PLC0415

    *_, last = Signatures().check_by_public_key(token, public_pem(public))
    return Finding.of(last)


async def _of_best_credential(asked: Asked, held: Held) -> list[Finding]:
    """Check an assertion, or a token of another issuer, by the credential that fits it best."""
    named = asked.client or str(asked.token.claims.get("sub"))
    by_issuer = [
        each
        for each in held.credentials
        if each.trust is not None and each.trust.issuer == asked.token.issuer
    ]
    candidates = [each for each in held.credentials if each.client == named] or by_issuer
    if not candidates:
        known = ", ".join(sorted({each.client for each in held.credentials})) or "none"
        expected = f"a client with a public key or a trust ({known})"
        return [Finding("client", "failed", expected, checks.shown(named))]
    all_found = [await _of_credential(asked, each) for each in candidates]
    return min(all_found, key=lambda found: sum(each.outcome == "failed" for each in found))


async def _of_credential(asked: Asked, credential: Credential) -> list[Finding]:
    from shared.oauth.signatures import Signatures  # noqa: PLC0415 - 0.1 s that `--help` spares

    label = f"{credential.client}, version {credential.version[:8]}"
    found = [Finding("client", "passed", "a client that is open", label)]
    if credential.trust is None:
        audiences = [] if asked.url is None else [token_endpoint(asked.url), asked.url]
        examined = assertions.examine_own(
            asked.token.claims, credential.client, audiences, asked.now
        )
        found += [_without_url(Finding.of(check), asked) for check in examined]
        signed = Signatures().check_by_public_key(asked.token, credential.value)
        used = Finding("jti", "not checked", "one that was not used, which the table tells")
        return [*found, *map(Finding.of, signed), used]
    found += map(Finding.of, examine_foreign(asked.token.claims, credential.trust, asked.now))
    return [*found, *await _of_signature_by(asked, credential.trust, Signatures().check_by_jwk)]


def _without_url(found: Finding, asked: Asked) -> Finding:
    if found.check != "aud" or asked.url is not None:
        return found
    return replace(found, outcome="not checked", expected="the Tenant URL of the request: --url")


async def _of_signature_by(
    asked: Asked,
    trust: Trust,
    check_by_jwk: Callable[[UnverifiedJwt, Mapping[str, object]], Iterable[ClaimCheck]],
) -> list[Finding]:
    """Check a signature by the keys of an issuer, which are fetched from where the trust says."""
    key_sets = KeySets({trust.host})
    allowed = Finding("host", "not checked", "one of SCIM_JWKS_HOSTS of the service", trust.host)
    try:
        key = await key_sets.key(trust, asked.token.key_id)
    except Unavailable:
        return [allowed, Finding("signature", "not checked", f"the keys at {trust.jwks_uri}")]
    finally:
        await key_sets.close()
    if key is None:
        expected = f"a key of {trust.jwks_uri}"
        return [allowed, Finding("kid", "failed", expected, checks.shown(asked.token.key_id))]
    return [allowed, *map(Finding.of, check_by_jwk(asked.token, key))]


def _of_tenant(held: Held) -> list[Finding]:
    """Check whether the tenant is open, which its newest token tells."""
    newest: SecretVersion | None = held.tenant[0].version if held.tenant else None
    received = "no such tenant" if newest is None else "open" if newest.enabled else "closed"
    return [Finding.of(ClaimCheck("tenant", received == "open", "an open one", received))]


def exactly_one_of(name: str, expected: Sequence[str], received: str) -> ClaimCheck:
    """Check that a text is one of those that are valid."""
    known = " or ".join(map(checks.shown, expected)) or "one, and none is valid"
    return ClaimCheck(name, received in expected, known, checks.shown(received))


def _ids(judged: Sequence[Standing]) -> list[str]:
    return [version.id for version in having(VersionState.VALID, judged)]
