"""API keys: their names in Key Vault and in the settings, their form, and what they allow.

The product whose identities the service holds presents an API key where a customer's identity
provider presents a token. The key `crm` lies in the secret `scim-apikey--crm`. A key begins with
its name, `scimkey_crm_<random>`, so that a request leads to one secret and no other is looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from shared import tenants

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "scimkey_"
"""What every API key begins with, and no token does."""

SCOPES_TAG, TENANTS_TAG = "scopes", "tenants"
"""Tags of the secret, which say what its key allows."""

_SECRET_PREFIX = "scim-apikey--"  # noqa: S105 - the beginning of the secret's name, not its value
_KEY = re.compile(rf"{PREFIX}(?P<name>[a-z0-9-]{{1,40}})_[A-Za-z0-9_-]{{32,200}}")
_SEPARATOR = re.compile(r"[,\s]+")


class Scope(StrEnum):
    """What a key may be allowed."""

    IDENTITIES_READ = "identities.read"
    EVENTS_READ = "events.read"
    TENANTS_MANAGE = "tenants.manage"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key allows.

    Attributes:
        scopes: What may be done with it.
        tenants: The tenants in which; None is all of them.
    """

    scopes: frozenset[Scope] = frozenset()
    tenants: frozenset[str] | None = None

    @classmethod
    def of_tags(cls, tags: Mapping[str, str]) -> Self:
        """Read what the tags of a secret allow. Words that are understood by nobody allow nothing.

        Without the tag `scopes` nothing is allowed. Without the tag `tenants` all tenants are; with
        one that is empty, none is.
        """
        scopes = frozenset(scope for scope in Scope if scope in _words(tags, SCOPES_TAG))
        named = frozenset(filter(None, map(tenants.named, _words(tags, TENANTS_TAG))))
        return cls(scopes, named if TENANTS_TAG in tags else None)

    def opens(self, tenant: str | None) -> bool:
        """Tell whether a tenant is among those of the key; None is a name that none can have."""
        return self.tenants is None or tenant in self.tenants


def unknown_words(tags: Mapping[str, str]) -> Iterator[str]:
    """Yield the words of the tags that name no scope and no tenant."""
    yield from (word for word in _words(tags, SCOPES_TAG) if word not in set(Scope))
    yield from (word for word in _words(tags, TENANTS_TAG) if tenants.named(word) is None)


def is_key(text: str) -> bool:
    """Tell whether a text that was sent as a bearer token is meant for an API key."""
    return text.startswith(PREFIX)


def name_in(key: str) -> str | None:
    """Return the name that an API key begins with; None if the text has not the form of a key."""
    found = _KEY.fullmatch(key)
    return None if found is None else named(found["name"])


def named(text: str) -> str | None:
    """Return the name of a key in lower case; None if no key can have it.

    The rule is that of tenants: up to 40 of a-z, 0-9 and single dashes between them.
    """
    return tenants.named(text)


def of_secret(name: str) -> str | None:
    """Return the name of the key that a secret of the vault holds, or None for any other secret.

    Key Vault keeps the case in which a secret was created and compares without it.
    """
    prefix, key_name = name[: len(_SECRET_PREFIX)], name[len(_SECRET_PREFIX) :]
    return named(key_name) if prefix.lower() == _SECRET_PREFIX else None


def secret_name(name: str) -> str:
    """Return the name of the Key Vault secret that holds a key."""
    return f"{_SECRET_PREFIX}{name}"


def _words(tags: Mapping[str, str], tag: str) -> list[str]:
    """Split a tag at its commas and blanks."""
    return [word for word in _SEPARATOR.split(tags.get(tag, "")) if word]
