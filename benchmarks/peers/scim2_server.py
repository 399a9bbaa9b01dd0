"""The peer scim2-server with its resources in memory. Prints its port; ends with standard input.

Runs in an environment of its own (the group `scim2-server` of pyproject.toml): its ASGI application
on uvicorn with uvloop and httptools, which is faster than the threads of wsgiref that its own
command starts.
"""

import asyncio
import os
import socket
import sys

import uvicorn
import uvloop
from scim2_models import ScimPolicy, ScimProvider, UnauthorizedException
from scim2_server.applications.asgi import ASGIApplication
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)

ENTRA = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""What it must tolerate for Microsoft Entra ID."""

TOKEN = os.environ["PEER_TOKEN"]


class Peer(ASGIApplication):
    """The application with the one check that a SCIM service cannot do without."""

    def check_auth(self, request: ScimRequest) -> None:
        """Refuse a request without the bearer token."""
        if request.header("Authorization") != f"Bearer {TOKEN}":
            raise UnauthorizedException


async def serve() -> None:
    """Serve on a free port until standard input ends."""
    provider = ScimProvider.from_discovery(
        load_default_schemas().values(),
        load_default_resource_types().values(),
        config=load_default_service_provider_config(),
        policy=ENTRA,
    )
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    config = uvicorn.Config(
        Peer(AsyncInMemoryStorage(), provider),
        access_log=False,
        log_level="warning",
        timeout_keep_alive=60,
    )
    server = uvicorn.Server(config)
    print(f"PORT {listener.getsockname()[1]}", flush=True)
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), setattr, server, "should_exit", True)
    await server.serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(serve())
