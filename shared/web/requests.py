"""A SCIM request: what is left of an HTTP request once it is known who sent it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import azure.functions as func

from shared import tenants
from shared.scim.discovery import MAX_RESULTS
from shared.scim.errors import InvalidValue
from shared.scim.projection import Projection
from shared.scim.schema import ResourceType
from shared.store.resources import Precondition
from shared.store.session import Session
from shared.web.entity_tags import EntityTags

DEFAULT_COUNT = 100
"""Resources on a page when the client does not say."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class ScimRequest:
    """A request that may touch the data of its tenant.

    Attributes:
        method: HTTP method in capitals.
        tenant_url: base URL of the tenant's resources, without a slash at the end.
        session: the request's view of the store.
        query: query parameters under lower-case names; those with an empty value too.
        headers: HTTP headers under lower-case names.
        resource_id: what the path names after the endpoint; "" for a collection.
        read: reads the body as JSON; see `bodies.parse` for what it raises.
    """

    method: str
    tenant_url: str
    session: Session
    query: Mapping[str, str]
    headers: Mapping[str, str]
    resource_id: str
    read: Callable[[], Any]

    def json(self) -> Any:
        """Read the body; see `bodies.parse` for what it raises."""
        return self.read()

    def projection(self, resource_type: ResourceType) -> Projection:
        """Read `attributes` and `excludedAttributes` (RFC 7644 section 3.9)."""
        return Projection.parse(
            resource_type, self.query.get("attributes"), self.query.get("excludedattributes")
        )

    @property
    def precondition(self) -> Precondition | None:
        """What `If-Match` allows to be changed; None without that header."""
        tags = EntityTags.parse(self.headers.get("if-match"))
        return tags.allow if tags else None

    def has_already(self, version: str) -> bool:
        """Tell whether the client has a version, as `If-None-Match` says."""
        tags = EntityTags.parse(self.headers.get("if-none-match"))
        return tags is not None and tags.allow(version)

    @property
    def start_index(self) -> int:
        """1-based index of the first result; less than 1 means 1 (RFC 7644 section 3.4.2.4)."""
        return max(self._integer("startIndex", default=1), 1)

    @property
    def count(self) -> int:
        """Results wanted on the page, 0 to 200; negative means 0 (RFC 7644 section 3.4.2.4)."""
        return min(max(self._integer("count", default=DEFAULT_COUNT), 0), MAX_RESULTS)

    def location(self, endpoint: str, resource_id: str) -> str:
        """Write the URL of a resource."""
        return f"{self.tenant_url}{endpoint}/{resource_id}"

    def _integer(self, name: str, default: int) -> int:
        text = self.query.get(name.lower(), "").strip()
        if not text:
            return default
        if not _INTEGER.fullmatch(text):
            raise InvalidValue(f"{name} must be a whole number, as in {name}=1.", path=name)
        return int(text)


def query_of(url: str) -> dict[str, str]:
    """Read the query from the URL: the host drops empty values and joins repeated ones.

    Of a repeated parameter the first counts. Names are folded, since clients vary their case.
    """
    # Not by urlsplit, which fails over a Host header that is none (here and below).
    pairs = parse_qsl(url.partition("?")[2], keep_blank_values=True)
    return {name.lower(): value for name, value in reversed(pairs)}


def tenant_url(req: func.HttpRequest, tenant: str, public_base: str | None) -> str:
    """Build the base URL of a tenant: from the setting behind a gateway, or from the request."""
    scheme, _, rest = req.url.partition("://")
    base = public_base or f"{scheme}://{rest.partition('/')[0]}"
    return f"{base}/scim/v2" if tenant == tenants.DEFAULT else f"{base}/tenants/{tenant}/scim/v2"
