"""What the product is told by its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True)
class Settings:
    """Where everything is.

    Attributes:
        service_url: PRODUCT_SERVICE_URL, scheme and host of the SCIM service.
        api_key: PRODUCT_API_KEY, with the scopes identities.read and events.read.
        tenant: PRODUCT_TENANT, whose users sign in.
        database_url: PRODUCT_DATABASE_URL, as SQLAlchemy writes it.
        port: PRODUCT_PORT, on which it listens; 0 for a free one.
        interval: PRODUCT_INTERVAL, seconds between two polls of the feed.
        wait: PRODUCT_WAIT, seconds for which the service may hold a poll back.
        is_secure: PRODUCT_SECURE_COOKIES=1, where browsers come by https.
    """

    service_url: str
    api_key: str = field(repr=False)
    tenant: str
    database_url: str
    port: int
    interval: float
    wait: int
    is_secure: bool

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the environment.

        Raises:
            KeyError: a setting that has no default is missing.
            ValueError: a number is none.
        """
        return cls(
            environ["PRODUCT_SERVICE_URL"],
            environ["PRODUCT_API_KEY"],
            environ.get("PRODUCT_TENANT", "default"),
            environ.get("PRODUCT_DATABASE_URL", "sqlite:///product.db"),
            int(environ.get("PRODUCT_PORT", "8000")),
            float(environ.get("PRODUCT_INTERVAL", "60")),
            int(environ.get("PRODUCT_WAIT", "0")),
            environ.get("PRODUCT_SECURE_COOKIES") == "1",
        )
