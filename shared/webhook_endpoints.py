"""What may be said of a webhook endpoint: models of it, and which URLs are taken."""

import re
from collections.abc import Collection
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from shared import tenants
from shared.errors import InvalidSyntax, InvalidValue
from shared.validation import Omittable, read_model
from shared.webhooks.addresses import is_loopback, is_public

LONGEST_URL, LONGEST_DESCRIPTION = 2_048, 200
MOST_TENANTS_OF_ENDPOINT, MOST_TYPES = 200, 100

_VISIBLE = re.compile(rf"[!-~]{{1,{LONGEST_URL}}}")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRIVATE_SUFFIXES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa")
"""Last labels of names that no public DNS answers for (RFC 6761, RFC 6762, RFC 9476 and custom)."""


def _left_out(schema: dict[str, Any]) -> None:
    """Describe a member that may be left out."""
    schema.pop("default", None)


_Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_URL,
        description="Where events are posted: https, a public host, no user and no fragment.",
        json_schema_extra={"format": "uri", "examples": ["https://hooks.example.com/scim"]},
    ),
]
_Description = Annotated[str, Field(max_length=LONGEST_DESCRIPTION, description="For people.")]
_Tenants = Annotated[
    list[str],
    Field(
        min_length=1,
        max_length=MOST_TENANTS_OF_ENDPOINT,
        description="Tenants whose events are sent. Left out: those of all tenants, of later ones"
        " too, which takes an API key of all tenants.",
    ),
]
_Types = Annotated[
    list[str],
    Field(
        min_length=1,
        max_length=MOST_TYPES,
        description="Types of the events that are sent, as `user.deactivated`. Left out: all.",
    ),
]


class EndpointToCreate(BaseModel):
    """A webhook endpoint to be created."""

    model_config = ConfigDict(extra="forbid")

    url: _Url
    description: Omittable[_Description] = Field(None, json_schema_extra=_left_out)
    tenants: Omittable[_Tenants] = Field(None, json_schema_extra=_left_out)
    types: Omittable[_Types] = Field(None, json_schema_extra=_left_out)
    state: Literal["enabled", "paused"] = Field(
        "enabled", description="`paused`: nothing is sent until it is enabled."
    )


class EndpointPatch(BaseModel):
    """What is to change of a webhook endpoint; null unsets."""

    model_config = ConfigDict(extra="forbid")

    url: Omittable[_Url] = Field(None, json_schema_extra=_left_out)
    description: _Description | None = Field(None, json_schema_extra=_left_out)
    tenants: _Tenants | None = Field(None, json_schema_extra=_left_out)
    types: _Types | None = Field(None, json_schema_extra=_left_out)
    state: Omittable[Literal["enabled", "paused"]] = Field(
        None,
        json_schema_extra=_left_out,
        description="`paused` sends nothing until it is `enabled` again, which also ends what the"
        " service has disabled.",
    )


def read_patch(patch: Any) -> EndpointPatch:
    """Read a JSON merge patch (RFC 7396) of an endpoint.

    Raises:
        InvalidSyntax: it is not an object.
        InvalidValue: it names what an endpoint has not, or a value that it cannot have.
    """
    if not isinstance(patch, dict):
        raise InvalidSyntax(
            'The body is not a JSON object. Send what is to change, such as {"state": "paused"}.'
        )
    for name in ("url", "state"):
        if name in patch and patch[name] is None:
            raise InvalidValue(
                f"{name}: cannot be unset; leave it out, or send another.", path=name
            )
    return read_model(EndpointPatch, patch, strict=True)


def tenants_named(names: list[str]) -> tuple[str, ...]:
    """Read names of tenants, in the order of their names, each once.

    Raises:
        InvalidValue: one is none that a tenant can have.
    """
    named = (tenant_named(name, f"tenants[{index}]") for index, name in enumerate(names))
    return tuple(sorted({*named}))


def tenant_named(name: str, path: str) -> str:
    """Read the name of a tenant.

    Raises:
        InvalidValue: no tenant can have it; the error is about `path`.
    """
    tenant = tenants.named(name)
    if tenant is None:
        raise InvalidValue(
            f"{path}: should be the name of a tenant, as it stands in its Tenant URL.", path=path
        )
    return tenant


def types_among(wanted: list[str], known: Collection[str]) -> tuple[str, ...]:
    """Read types of events, each once.

    Raises:
        InvalidValue: there are no events of one of them.
    """
    for index, each in enumerate(wanted):
        if each not in known:
            raise InvalidValue(
                f"types[{index}]: there are no events of this type. The types are:"
                f" {', '.join(sorted(known))}.",
                path=f"types[{index}]",
            )
    return tuple(sorted({*wanted}))


def checked_url(url: str, *, to_loopback: bool = False) -> str:
    """Check a URL before it is kept; where it leads is checked again at each connection.

    Args:
        url: what was sent.
        to_loopback: whether this machine is taken, by http as well, as a developer's setting says.

    Returns:
        The URL.

    Raises:
        InvalidValue: it is none to which webhooks are sent; the text says why, and quotes nothing.
    """
    problem = _problem_of(url, to_loopback=to_loopback)
    if problem is not None:
        raise InvalidValue(f"url: {problem}", path="url")
    return url


def _problem_of(url: str, *, to_loopback: bool) -> str | None:
    """Say what is wrong with a URL; None for nothing."""
    if not _VISIBLE.fullmatch(url) or "\\" in url:
        return (
            f"should be at most {LONGEST_URL:,} characters of ASCII without blanks; a name with"
            " other letters is written as xn--..."
        )
    parts = _parts(url)
    if parts is None:
        return "should be an absolute URL, as https://hooks.example.com/scim."
    if "@" in parts.netloc or "#" in url:
        return "should have no user, no password and no fragment; what is sent is signed."
    host = (parts.hostname or "").removesuffix(".")
    if to_loopback and parts.scheme in {"http", "https"} and _is_of_this_machine(host):
        return None
    if parts.scheme != "https":
        return "should begin with https://: events tell of people, and go encrypted alone."
    return _problem_of_host(host)


def _is_of_this_machine(host: str) -> bool:
    return host == "localhost" or is_loopback(host)


def _parts(url: str) -> SplitResult | None:
    """Take an absolute URL apart; None for what is none."""
    try:
        parts = urlsplit(url)
        is_absolute = bool(parts.hostname and parts.hostname != ".") and parts.port != 0
    except ValueError:
        return None
    return parts if is_absolute else None


def _problem_of_host(host: str) -> str | None:
    labels = host.split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]):
        # Whatever ends with a number is an IPv4 address, in one of several ways to write it.
        return None if is_public(host) else _NOT_PUBLIC
    if not all(map(_LABEL.fullmatch, labels)):
        return "should name a host, as hooks.example.com."
    is_private = len(labels) == 1 or labels[-1] in _PRIVATE_SUFFIXES
    return _NOT_PUBLIC if is_private else None


_NOT_PUBLIC = (
    "names no host of the internet. Webhooks go to public addresses alone: put the public name of"
    " the receiver."
)
