"""A SCIM request: what is left of an HTTP request once it is known who sent it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote, unquote_plus

import azure.functions as func

from shared import tenants
from shared.api_keys import Scope
from shared.auth.tokens import ApiKey
from shared.errors import InvalidFilter, InvalidSyntax, InvalidValue
from shared.scim.messages import parse_patch
from shared.scim.operations import attributes_in_body, attributes_in_patch
from shared.scim.projection import Projection, shows_on_request
from shared.scim.schema import AttributePath, ResourceType
from shared.store.resources import Precondition, check_precondition
from shared.tables.request_context import RequestContext
from shared.tenant_settings import Profile
from shared.web.compute import Compute
from shared.web.entity_tags import EntityTags

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ScimRequest:
    """A request that may touch the data of its tenant.

    Attributes:
        method: HTTP method in capitals.
        tenant_url: base URL of the tenant's resources, without a slash at the end.
        context: the request's view of the store.
        query: query parameters under lower-case names; those with an empty value too.
        headers: HTTP headers under lower-case names.
        resource_id: what the path names after the endpoint; "" for a collection.
        read: reads the body as JSON; see `bodies.parse_body` for what it raises.
        cursor_keys: secrets with which cursors are sealed (`shared.web.cursors`).
        compute: computes what may take long.
        is_large: whether reading the body may take long.
        api_key: the API key that was presented; None for a token.
        profile: that of the tenant; None where it could not be read.
    """

    method: str
    tenant_url: str
    context: RequestContext
    query: Mapping[str, str]
    headers: Mapping[str, str]
    resource_id: str
    read: Callable[[], Any]
    cursor_keys: tuple[bytes, ...] = field(default=(), repr=False)
    compute: Compute = field(default_factory=Compute, repr=False)
    is_large: bool = False
    api_key: ApiKey | None = field(default=None, repr=False)
    profile: Profile | None = "tolerant"

    @property
    def is_interop(self) -> bool:
        """Whether the tenant has the profile `interop`, as far as that is known."""
        return self.profile == "interop"

    @property
    def is_product(self) -> bool:
        """Whether the product sent it, with an API key."""
        return self.api_key is not None

    @property
    def scopes(self) -> frozenset[Scope]:
        """Those of the API key; none where it came with a tenant's token."""
        return frozenset() if self.api_key is None else self.api_key.grant.scopes

    @property
    def base_url(self) -> str:
        """Scheme and host, or the public address of the setting; without a slash at the end."""
        return self.tenant_url.removesuffix(path_of(self.context.tenant))

    def json(self) -> Any:
        """Read the body; see `bodies.parse_body` for what it raises."""
        return self.read()

    async def make(self, of_body: Callable[[Any], T]) -> T:
        """Read the body and make something of it; beside the event loop if it is large.

        Args:
            of_body: pure; is given the body as JSON.

        Raises:
            ScimError: as `bodies.parse_body`, or `of_body`.
        """
        return await self.compute_by_size(lambda: of_body(self.json()))

    async def compute_by_size(self, work: Callable[[], T]) -> T:
        """Compute something whose cost goes with the size of the body."""
        if not self.is_large:
            return work()
        return await self.compute.run_long(self.context, lambda _: work())

    def projection(self, resource_type: ResourceType) -> Projection:
        """Read `attributes` and `excludedAttributes` (RFC 7644 section 3.9)."""
        return Projection.parse(
            resource_type,
            self.query.get("attributes"),
            self.query.get("excludedattributes"),
            self._written(resource_type),
        )

    def check_projection(self, resource_type: ResourceType) -> None:
        """Refuse `attributes` and `excludedAttributes` that hold what cannot be a path.

        Raises:
            InvalidValue: one of them does.
        """
        attributes, excluded = map(self.query.get, ("attributes", "excludedattributes"))
        if attributes or excluded:
            Projection.parse(resource_type, attributes, excluded)

    def _written(self, resource_type: ResourceType) -> Iterable[AttributePath]:
        """Return what the request writes, where the answer depends on it."""
        if not shows_on_request(resource_type):
            return ()
        if self.method == "PATCH":
            return attributes_in_patch(resource_type, parse_patch(self.json()))
        return (
            attributes_in_body(resource_type, self.json()) if self.method in {"POST", "PUT"} else ()
        )

    @property
    def precondition(self) -> Precondition | None:
        """Which versions the headers allow to be changed; None where they say nothing of it.

        One that `If-Match` names and `If-None-Match` does not (RFC 9110 section 13.2.2).

        Raises:
            InvalidSyntax: one of them is there and empty: a condition is meant, and none is said.
        """
        wanted, unwanted = self._condition("If-Match"), self._condition("If-None-Match")
        if wanted is None and unwanted is None:
            return None

        def allows(version: str) -> bool:
            is_wanted = wanted is None or wanted.allow(version)
            return is_wanted and not (unwanted is not None and unwanted.allow(version))

        return allows

    def _condition(self, name: str) -> EntityTags | None:
        """Read the condition of a write; None where there is none."""
        header = self.headers.get(name.lower())
        if header is not None and not header.strip():
            raise InvalidSyntax(
                f"The header {name} is empty: send the version that is meant, such as "
                f'{name}: W/"3", or leave the header out.'
            )
        return EntityTags.parse(header)

    def has_already(self, version: str) -> bool:
        """Tell whether a client that reads has a version, as `If-None-Match` says.

        Raises:
            PreconditionFailed: `If-Match` wants another version (RFC 9110 section 13.1.1).
        """
        wanted = EntityTags.parse(self.headers.get("if-match"))
        check_precondition(wanted.allow if wanted else None, version)
        held = EntityTags.parse(self.headers.get("if-none-match"))
        return held is not None and held.allow(version)

    def location(self, endpoint: str, resource_id: str) -> str:
        """Write the URL of a resource."""
        return f"{self.tenant_url}{endpoint}/{resource_id}"


_LISTS = frozenset({"attributes", "excludedattributes"})
"""Parameters that are lists of names, and so may be sent in parts."""

ONCE = frozenset({"filter", "sortby", "sortorder", "startindex", "count", "cursor"})
"""Parameters of SCIM that mean one thing."""


def query_of(url: str, once: Collection[str] = ONCE) -> dict[str, str]:
    """Read the query from the URL: the host drops empty values and joins repeated ones.

    Names are folded, since clients vary their case. Of a parameter that nobody here knows the
    first counts.

    Args:
        url: of the request.
        once: names of the parameters that mean one thing.

    Raises:
        InvalidFilter, InvalidValue: a parameter that means one thing has two values, or a
            parameter holds bytes that are no UTF-8 (RFC 3986 section 2.5), which name nobody.
    """
    query: dict[str, str] = {}
    # Not by urlsplit, which fails over a Host header that is none (here and below).
    for pair in url.partition("?")[2].split("&"):
        name, _, raw = pair.partition("=")
        name = unquote_plus(name).lower()
        value = _decoded(raw, name if name in once or name in _LISTS else None)
        if name not in query:
            query[name] = value
        elif name in _LISTS:
            query[name] = f"{query[name]},{value}"
        elif name in once and value != query[name]:
            error = InvalidFilter if name == "filter" else InvalidValue
            raise error(f"{name} was sent twice, with two values: send it once.", path=name)
    query.pop("", None)
    return query


def _decoded(raw: str, name: str | None) -> str:
    """Decode the value of a parameter; it may hold anything if its name, None, means nothing.

    A blank is `+` for some clients and `%20` for others; who writes `%20` means a plus by `+`.
    """
    decode = unquote if "%20" in raw else unquote_plus
    if name is None:
        return decode(raw)
    try:
        return decode(raw, errors="strict")
    except UnicodeDecodeError:
        error = InvalidFilter if name == "filter" else InvalidValue
        raise error(
            f"{name} is not percent-encoded UTF-8: encode each byte of its UTF-8 form, "
            "as %C3%A9 for an e with an acute accent.",
            path=name,
        ) from None


def base_url_of(req: func.HttpRequest, setting: str | None) -> str:
    """Return where the service is reached: by the setting behind a gateway, or by the request."""
    scheme, _, rest = req.url.partition("://")
    return setting or f"{scheme}://{rest.partition('/')[0]}"


def path_of(tenant: str) -> str:
    """Return the path below which a tenant is served."""
    return "/scim/v2" if tenant == tenants.DEFAULT else f"/tenants/{tenant}/scim/v2"


def tenant_url(req: func.HttpRequest, tenant: str, setting: str | None) -> str:
    """Build the base URL of a tenant; `setting` is the public address, where one is set."""
    return base_url_of(req, setting) + path_of(tenant)
