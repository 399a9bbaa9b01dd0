"""Entity tags: versions of resources in HTTP (RFC 7644 section 3.14, RFC 9110 section 8.8.3)."""

import re
from dataclasses import dataclass
from typing import Self

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def entity_tag(version: str) -> str:
    """Write a version as the weak entity tag that `ETag` and `meta.version` carry."""
    return f'W/"{version}"'


@dataclass(frozen=True, slots=True)
class EntityTags:
    """The tags of an `If-Match` or `If-None-Match` header.

    They are compared weakly, since SCIM's are weak. Clients that leave the quotes out are
    understood.

    Attributes:
        versions: what stands between the quotes.
        any: the header is `*`, which every existing resource satisfies.
    """

    versions: frozenset[str]
    any: bool = False

    @classmethod
    def parse(cls, header: str | None) -> Self | None:
        """Read a header; None when there is none."""
        if header is None or not header.strip():
            return None
        tags = _TAG.findall(header)
        return cls(frozenset(tags or [header.strip()]), any=header.strip() == "*")

    def allow(self, version: str) -> bool:
        """Tell whether a version is one of these."""
        return self.any or version in self.versions
