"""A SCIM server that others wrote, scim2-server, in this process and in memory."""

from __future__ import annotations

import json
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from scim2_models import ScimPolicy, ScimProvider
from scim2_server.applications.wsgi import WSGIApplication
from scim2_server.memory import InMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scim2_server.responses import ScimResponse

ENTRA = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""What it must tolerate for Microsoft Entra ID."""

_BASE_URL = "http://reference.example/v2"


class SerialServer(WSGIApplication):
    """The server, answering one request at a time.

    Its classes are bound to their schemas at first use, in caches without a lock. Its storage alone
    is made for threads.
    """

    def __init__(self, storage: InMemoryStorage, provider: ScimProvider) -> None:
        super().__init__(storage, provider)
        self._turn = Lock()

    def serve(self, request: ScimRequest) -> ScimResponse:
        """Answer a request when those before it are answered."""
        with self._turn:
            return super().serve(request)


def application(policy: ScimPolicy) -> WSGIApplication:
    """Build a server that holds nothing yet."""
    provider = ScimProvider.from_discovery(
        load_default_schemas().values(),
        load_default_resource_types().values(),
        config=load_default_service_provider_config(),
        policy=policy,
    )
    return SerialServer(InMemoryStorage(), provider)


def send(
    server: WSGIApplication, method: str, path: str, body: Any = None
) -> tuple[int, Mapping[str, Any]]:
    """Let a server answer a request, without a connection.

    Args:
        server: Answers it.
        method: HTTP method.
        path: Below the SCIM root, with its query, encoded.
        body: Goes in as JSON, unless it is None.

    Returns:
        The status, and the body; an empty one for none.
    """
    place, _, query = path.partition("?")
    request = ScimRequest(
        method,
        _BASE_URL,
        place,
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers={"Content-Type": "application/scim+json"},
        body=b"" if body is None else json.dumps(body).encode(),
    )
    response = server.serve(request)
    return int(response.status), response.body or {}
