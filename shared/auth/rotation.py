"""Drawing, rotating and revoking the versions of a secret, so that no step opens what was closed.

Of a secret two versions are valid at most. Key Vault keeps every older version, and one that is
enabled would become valid again when a newer one is disabled. So whatever is superseded is
disabled, by each rotation and before each revocation.

Key Vault has no transactions, and several may be at work on one secret. So each of them looks again
at what is there once it has done its part, and takes it back where it lost to another.

The OAuth clients of a tenant are closed with it, and once more before anything opens it again: who
opens a tenant lets in whom they draw a token for, and nobody of before.
"""

from __future__ import annotations

import base64
import secrets
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, Self

from shared import api_keys, clients, signing_secrets, tenants
from shared.auth.versions import SecretVersion, Standing, VersionState, having, standings
from shared.clients import CredentialKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TOKEN_BYTES = 32
"""Random bytes of a token, an API key, a client secret and a signing secret: 256 bits."""

DRAW_TAG = "draw"
"""Tag of a version: the receipt by which a draw whose answer was lost finds its version."""

_LEAST_DIGITS = 4
_ROUNDS = 5
"""How often what others do at the same time is looked at again."""


def _base64url(random: bytes) -> str:
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class ManagedSecret:
    """A secret whose versions are drawn and revoked here.

    Attributes:
        name: In Key Vault.
        content_type: What the portal shows beside it, in the place of its value.
        prefix: What a value begins with, before what is random.
        given: The value of the next version, where none is to be drawn for somebody.
        encode: Writes what is random.
    """

    name: str
    content_type: str
    prefix: str = ""
    given: str = field(default="", repr=False)
    encode: Callable[[bytes], str] = _base64url

    @classmethod
    def of_tenant(cls, tenant: str) -> Self:
        """Describe the secret that holds the tokens of a tenant."""
        return cls(tenants.secret_name(tenant), "SCIM secret token")

    @classmethod
    def of_api_key(cls, name: str) -> Self:
        """Describe the secret that holds an API key."""
        return cls(api_keys.secret_name(name), "SCIM API key", f"{api_keys.PREFIX}{name}_")

    @classmethod
    def of_client(cls, tenant: str, name: str) -> Self:
        """Describe the secret that holds the credentials of an OAuth client."""
        secret = clients.secret_name(tenant, name)
        content_type = clients.content_type(CredentialKind.SECRET)
        return cls(secret, content_type, clients.SECRET_PREFIX)

    @classmethod
    def of_client_with(cls, tenant: str, name: str, kind: CredentialKind, value: str) -> Self:
        """Describe it where a client is to be known by a value that is no secret."""
        secret = clients.secret_name(tenant, name)
        return cls(secret, clients.content_type(kind), given=value)

    @classmethod
    def of_webhook(cls, endpoint_id: str) -> Self:
        """Describe the secret that signs the webhooks of an endpoint."""
        name = signing_secrets.secret_name(endpoint_id)
        prefix, encode = signing_secrets.SIGNING_PREFIX, signing_secrets.encode
        return cls(name, "SCIM webhook secret", prefix, encode=encode)

    @classmethod
    def of_signing_keys(cls, drawn: str = "") -> Self:
        """Describe the secret that holds the keys that sign access tokens, and the next one."""
        return cls(clients.SIGNING_KEY, "SCIM signing key", given=drawn)

    def draw(self) -> str:
        """Draw a value."""
        return f"{self.prefix}{self.encode(secrets.token_bytes(TOKEN_BYTES))}"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a version is valid, in POSIX seconds; `not_before` None is from now on."""

    not_before: float | None
    expires: float


class SecretVersions(Protocol):
    """What is needed of a vault."""

    async def open_names(self) -> list[str]:
        """Name the secrets whose newest version is enabled."""
        ...

    async def versions(self, name: str) -> list[SecretVersion]:
        """List the versions of a secret; none when there is no secret."""
        ...

    async def add(
        self, secret: ManagedSecret, value: str, lifetime: Lifetime, tags: Mapping[str, str]
    ) -> SecretVersion:
        """Add a version, which creates the secret when there is none. It is sent once.

        Raises:
            UnknownOutcomeError: The answer was lost.
        """
        ...

    async def disable(self, name: str, version: str) -> None:
        """Disable a version."""
        ...

    async def expire(self, name: str, version: str, at: float) -> None:
        """Let a version expire, in POSIX seconds. Unlike a disabled one it closes nothing."""
        ...

    async def tag(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a version."""
        ...


class RotationError(Exception):
    """What was asked for was not done, and nothing is open that was not before."""


class SecretExistsError(RotationError):
    """There is a secret already where the first version was to be drawn."""


class NoSecretError(RotationError):
    """There is no secret."""


class SecretClosedError(RotationError):
    """The secret is closed, and was not to be opened."""


class NoSuchVersionError(RotationError):
    """No version is meant, or several are; the text says which of the two."""


class AlreadyDisabledError(RotationError):
    """The version is disabled already.

    Attributes:
        version: Its id.
    """

    def __init__(self, version: str) -> None:
        super().__init__(f"the version {version} is disabled already")
        self.version = version


class NewestVersionError(RotationError):
    """To disable the newest version would close the secret to every other one."""


class OvertakenError(RotationError):
    """Others have drawn versions or closed the secret meanwhile; this draw was taken back."""


class UnknownOutcomeError(Exception):
    """Whether a version was added is not known: the answer was lost, and it is not to be found."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A token or a key that was just drawn: the only place where it can be read.

    Attributes:
        token: Its value; empty where it was given, so that there is nothing to hand over.
        version: Of the secret.
        receipt: The tag by which its version is known.
        was_open: Whether the secret was open before, and so must be now.
        before: Id of the version whose tags were copied; "" where there was none.
        changed: The tags that were not copied, but given.
    """

    token: str
    version: SecretVersion
    receipt: str
    was_open: bool = False
    before: str = ""
    changed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Revoked:
    """What a revocation disabled: the version, and superseded ones that could have come back."""

    version: SecretVersion
    superseded: list[SecretVersion]


async def draw_first(
    vault: SecretVersions,
    secret: ManagedSecret,
    lifetime: Lifetime,
    now: float,
    tags: Mapping[str, str] | None = None,
) -> Drawn:
    """Draw the first version of a secret. 3 calls; of a tenant 4, and 2 for each client it had.

    Of several who do so at once one succeeds: the one whose version is the oldest.

    Args:
        vault: Where the secret is to be.
        secret: Which one.
        lifetime: When the version is valid.
        now: POSIX seconds.
        tags: Of the secret.

    Raises:
        SecretExistsError: There is a secret already.
        UnknownOutcomeError: Whether the version was added is not known.
    """
    if await vault.versions(secret.name):
        raise SecretExistsError
    await _close_clients(vault, secret, now)
    drawn = await _draw(vault, secret, lifetime, tags or {})
    own = drawn.version
    listed = await _versions_after(vault, secret, drawn, now)
    if any((each.created, each.id) < (own.created, own.id) for each in listed):
        await vault.expire(secret.name, own.id, now)
        raise SecretExistsError
    return drawn


async def rotate(  # noqa: PLR0913 - what is drawn, where, and on which conditions
    vault: SecretVersions,
    secret: ManagedSecret,
    lifetime: Lifetime,
    now: float,
    tags: Mapping[str, str] | None = None,
    *,
    reopens: bool = True,
) -> Drawn:
    """Add a version to a secret that has one. 2 calls; `settle` follows.

    A closed secret is opened by it, to the new version alone: what the older ones could open then
    is disabled first, and so are the clients of a tenant.

    Args:
        vault: Where the secret is.
        secret: Which one.
        lifetime: When the version is valid.
        now: POSIX seconds.
        tags: Those to be changed; the others stay as those of the newest version are.
        reopens: Whether that is done to a closed secret.

    Raises:
        NoSecretError: There is no secret.
        SecretClosedError: It is closed, and stays so.
        UnknownOutcomeError: Whether the version was added is not known.
    """
    judged = standings(await vault.versions(secret.name), now)
    if not judged:
        raise NoSecretError
    newest = judged[0].version
    if not newest.enabled and not reopens:
        raise SecretClosedError
    if not newest.enabled:
        for each in judged:
            if each.state in {VersionState.CLOSED, VersionState.NOT_YET}:
                await vault.disable(secret.name, each.version.id)
        await _close_clients(vault, secret, now)
    drawn = await _draw(vault, secret, lifetime, {**newest.tags, **(tags or {})})
    return replace(drawn, was_open=newest.enabled, before=newest.id, changed=tags or {})


async def settle(
    vault: SecretVersions, secret: ManagedSecret, drawn: Drawn, now: float
) -> list[SecretVersion]:
    """Disable what a rotation has superseded, so that it never becomes valid again.

    What was tagged while the version was drawn is tagged on it too.

    Args:
        vault: Where the secret is.
        secret: Which one.
        drawn: The version that the rotation has added.
        now: POSIX seconds.

    Returns:
        What was disabled.

    Raises:
        OvertakenError: The secret was closed meanwhile, two newer versions were drawn within the
            same second, or its tags are changed all the time. The version opens nothing.
    """
    listed = await _versions_after(vault, secret, drawn, now)
    judged = standings(listed, now)
    others = [each.version for each in judged if each.version.id != drawn.version.id]
    if drawn.was_open and _is_closed(others):
        for version in (drawn.version, *others):
            if version is drawn.version or version.enabled:
                await vault.disable(secret.name, version.id)
        raise OvertakenError
    superseded = having(VersionState.SUPERSEDED, judged)
    is_last = drawn.version.id not in {version.id for version in superseded}
    if not is_last or not await _copy_tags(vault, secret, drawn, listed):
        await vault.expire(secret.name, drawn.version.id, now)
        raise OvertakenError
    return await _retire(vault, secret, judged, drawn.version.id)


async def set_tag(
    vault: SecretVersions, secret: ManagedSecret, name: str, text: str | None
) -> None:
    """Set a tag of a secret, or take it away. 2 calls, and one for each version that is enabled.

    The newest version says what holds. The others are tagged as well, because a rotation that is
    under way copies the tags of one of them: it looks there again when it has added its own
    (`settle`), and this looks again whether a version was added.

    Args:
        vault: Where the secret is.
        secret: Which one.
        name: Of the tag.
        text: What it is to say; None takes it away.

    Raises:
        NoSecretError: There is no secret.
        OvertakenError: Others set it otherwise at the same time.
    """
    for _ in range(_ROUNDS):
        listed = sorted(await vault.versions(secret.name), key=lambda each: -each.created)
        if not listed:
            raise NoSecretError
        concerned = [listed[0], *(each for each in listed[1:] if each.enabled)]
        otherwise = [each for each in concerned if each.tags.get(name) != text]
        if not otherwise:
            return
        for version in otherwise:
            tags = {key: held for key, held in version.tags.items() if key != name}
            await vault.tag(secret.name, version.id, tags if text is None else {**tags, name: text})
    raise OvertakenError


async def revoke(vault: SecretVersions, secret: ManagedSecret, named: str, now: float) -> Revoked:
    """Disable a version of a secret. What was closed before stays closed.

    Args:
        vault: Where the secret is.
        secret: Which one.
        named: The version's id, its beginning, or the label that the log shows.
        now: POSIX seconds.

    Raises:
        NoSecretError: There is no secret.
        NoSuchVersionError: There is no such version, or there are several.
        AlreadyDisabledError: It is disabled.
        NewestVersionError: It is the newest one, which closes the secret.
    """
    judged = standings(await vault.versions(secret.name), now)
    if not judged:
        raise NoSecretError
    wanted = _named(judged, named)
    if wanted.state is VersionState.DISABLED:
        raise AlreadyDisabledError(wanted.version.id)
    # The vault counts in seconds: of two that were made in one, either may be its newest.
    if wanted.version.created >= judged[0].version.created:
        raise NewestVersionError
    superseded = await _retire(vault, secret, judged, wanted.version.id)
    await vault.disable(secret.name, wanted.version.id)
    return Revoked(wanted.version, superseded)


async def close(vault: SecretVersions, secret: ManagedSecret, now: float) -> list[SecretVersion]:
    """Disable every version that is enabled, the newest first: that alone closes the secret.

    Versions that others draw meanwhile are disabled as well, and then the clients of a tenant.

    Returns:
        What was disabled, without that of clients.

    Raises:
        NoSecretError: There is no secret.
        OvertakenError: Others draw versions faster than they can be disabled.
    """
    closed: list[SecretVersion] = []
    for _ in range(_ROUNDS):
        judged = standings(await vault.versions(secret.name), now)
        if not judged:
            raise NoSecretError
        enabled = [each.version for each in judged if each.version.enabled]
        if not enabled:
            await _close_clients(vault, secret, now)
            return closed
        for version in enabled:
            await vault.disable(secret.name, version.id)
        closed += enabled
    raise OvertakenError


async def _close_clients(vault: SecretVersions, secret: ManagedSecret, now: float) -> None:
    """Close the OAuth clients of a tenant; of a secret that is no tenant's there are none."""
    tenant = tenants.of_secret(secret.name)
    if tenant is None:
        return
    named = map(clients.of_secret, await vault.open_names())
    for owner, name in filter(None, named):
        if owner == tenant:
            with suppress(NoSecretError):
                await close(vault, ManagedSecret.of_client(tenant, name), now)


async def _copy_tags(
    vault: SecretVersions, secret: ManagedSecret, drawn: Drawn, listed: Sequence[SecretVersion]
) -> bool:
    """Give a new version the tags that the one before it was given while it was drawn.

    Returns:
        Whether that was done; False where others go on changing them.
    """
    for _ in range(_ROUNDS):
        by_id = {each.id: each for each in listed}
        before, own = by_id.get(drawn.before), by_id.get(drawn.version.id)
        if before is None or own is None or not before.enabled:
            return True
        wanted = {**before.tags, **drawn.changed, DRAW_TAG: drawn.receipt}
        if own.tags == wanted:
            return True
        await vault.tag(secret.name, own.id, wanted)
        listed = await vault.versions(secret.name)
    return False


async def _draw(
    vault: SecretVersions, secret: ManagedSecret, lifetime: Lifetime, tags: Mapping[str, str]
) -> Drawn:
    token = "" if secret.given else secret.draw()
    receipt = secrets.token_hex(8)
    try:
        version = await vault.add(
            secret, secret.given or token, lifetime, {**tags, DRAW_TAG: receipt}
        )
    except UnknownOutcomeError:
        added = await vault.versions(secret.name)
        found = [each for each in added if each.tags.get(DRAW_TAG) == receipt]
        if not found:
            raise
        version = max(found, key=lambda each: each.created)
    return Drawn(token, version, receipt)


async def _versions_after(
    vault: SecretVersions, secret: ManagedSecret, drawn: Drawn, now: float
) -> list[SecretVersion]:
    """List the versions after a draw, and end the doubles of the one that was drawn.

    An HTTP client sends a PUT again by itself where the connection was cut, and the vault then adds
    a second version of the same value.
    """
    single = []
    for version in await vault.versions(secret.name):
        if version.id != drawn.version.id and version.tags.get(DRAW_TAG) == drawn.receipt:
            await vault.expire(secret.name, version.id, now)
        else:
            single.append(version)
    return single


async def _retire(
    vault: SecretVersions, secret: ManagedSecret, judged: Sequence[Standing], keep: str
) -> list[SecretVersion]:
    """Disable what is superseded, without the version `keep`; return what was disabled.

    One that was made within the same second as the newest is left to the next rotation: the vault
    may take it for the newest, and disabling that closes the secret.
    """
    newest = judged[0].version.created
    superseded = [
        version
        for version in having(VersionState.SUPERSEDED, judged)
        if version.id != keep and version.created < newest
    ]
    for version in superseded:
        await vault.disable(secret.name, version.id)
    return superseded


def _is_closed(versions: Sequence[SecretVersion]) -> bool:
    """Tell whether the newest version is disabled; of several of one second, all of them."""
    newest = max((each.created for each in versions), default=None)
    return newest is not None and not any(v.enabled for v in versions if v.created == newest)


def _named(judged: Sequence[Standing], named: str) -> Standing:
    """Find the version that is meant."""
    digits = named.rpartition("/")[2].lower()
    if len(digits) < _LEAST_DIGITS:
        raise NoSuchVersionError(f"{named!r} is too short: give at least {_LEAST_DIGITS} digits")
    found = [each for each in judged if each.version.id.startswith(digits)]
    if len(found) != 1:
        what = "no version begins so" if not found else f"{len(found)} versions begin so"
        raise NoSuchVersionError(f"{named!r}: {what}")
    return found[0]
