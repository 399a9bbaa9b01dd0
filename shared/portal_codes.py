"""Codes of the portal: what a setup link carries behind `#`, and the cookie of a session.

Both name the tenant and the link, by which a row is looked up, and carry 256 random bits; a code
of the vendor's staff, who are of no tenant, names the link alone. Behind `#` a code reaches no
server, no log and no `Referer`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared import tenants

if TYPE_CHECKING:
    from collections.abc import Container

PATH = "/portal/open"
"""Where a setup link leads to."""

STAFF = tenants.scratch("staff")
"""Where the links of the vendor's staff lie, who are of no tenant: no tenant can have the name."""

MOST_URL_CHARACTERS = 1_024

_FORM = re.compile(
    r"(?:(?P<tenant>[a-z0-9-]{1,40})\.)?(?P<link>[0-9a-f]{32})\.(?P<secret>[A-Za-z0-9_-]{43})"
)


@dataclass(frozen=True, slots=True)
class PortalCode:
    """A code.

    Attributes:
        tenant: Whose portal it opens; `STAFF` on a developer's machine for that of all.
        link: Id of the setup link.
        secret: 256 random bits in base64url.
    """

    tenant: str
    link: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        place = "" if self.tenant == STAFF else f"{self.tenant}."
        return f"{place}{self.link}.{self.secret}"

    def url(self, base: str) -> str:
        """Write the setup link; `base` is where the service is reached, without a slash behind."""
        return f"{base}{PATH}#{self}"


def read_code(text: str) -> PortalCode | None:
    """Read a code, or a setup link that carries one; None if it has not the form of either."""
    found = _FORM.fullmatch(text.strip().rpartition("#")[2])
    if found is None:
        return None
    tenant = found["tenant"]
    if tenant is not None and tenant != tenants.named(tenant):
        return None
    return PortalCode(STAFF if tenant is None else tenant, found["link"], found["secret"])


def may_return_to(url: str, hosts: Container[str]) -> bool:
    """Tell whether the portal may lead to an address: an https URL of one of some hosts.

    What browsers read in another way than this function (backslashes, blanks, control characters)
    is none. A host is compared whole, with its port, so nothing stands before it.
    """
    if len(url) > MOST_URL_CHARACTERS or not re.fullmatch(r"https://[!-~]+", url):
        return False
    host = re.split(r"[/?#]", url.removeprefix("https://"))[0]
    return not set(url) & set("\\\"'<>`") and host.lower() in hosts
