"""Codes of the portal: what a setup link carries behind `#`, and the cookie of a session.

Both name the tenant and the link, in which a row is looked up, and carry 256 random bits. Behind
`#` a code reaches no server, no log and no `Referer`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from shared import tenants

PATH = "/portal/open"
"""Where a setup link leads to."""

_FORM = re.compile(
    r"(?P<tenant>[a-z0-9-]{1,40})\.(?P<link>[0-9a-f]{32})\.(?P<secret>[A-Za-z0-9_-]{43})"
)


@dataclass(frozen=True, slots=True)
class PortalCode:
    """A code.

    Attributes:
        tenant: Whose portal it opens.
        link: Id of the setup link.
        secret: 256 random bits in base64url.
    """

    tenant: str
    link: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.tenant}.{self.link}.{self.secret}"

    def url(self, base: str) -> str:
        """Write the setup link; `base` is where the service is reached, without a slash behind."""
        return f"{base}{PATH}#{self}"


def read_code(text: str) -> PortalCode | None:
    """Read a code, or a setup link that carries one; None if it has not the form of either."""
    found = _FORM.fullmatch(text.strip().rpartition("#")[2])
    if found is None or tenants.named(found["tenant"]) != found["tenant"]:
        return None
    return PortalCode(found["tenant"], found["link"], found["secret"])
