"""The port of the service, and whether it is free: told before anything is installed.

So nothing is imported here but the standard library. `python -m local.ports` ends with 1 and a line
when `make run` could not listen.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PORT = 7071


def is_ephemeral(environ: Mapping[str, str]) -> bool:
    """Tell whether a run keeps nothing and takes free ports, as EPHEMERAL says.

    Raises:
        LocalError: EPHEMERAL cannot be understood.
    """
    text = environ.get("EPHEMERAL", "")
    if text.lower() not in {"", "0", "1", "false", "true"}:
        raise LocalError(f'EPHEMERAL must be 1 or 0, not "{text}"')
    return text.lower() in {"1", "true"}


def service_port(environ: Mapping[str, str]) -> int:
    """Return where the service listens, as PORT and EPHEMERAL say; 0 for a free port.

    Raises:
        LocalError: PORT or EPHEMERAL cannot be understood.
    """
    port = environ.get("PORT") or ("0" if is_ephemeral(environ) else str(PORT))
    if not port.isdecimal() or int(port) > 65535:
        raise LocalError(f'PORT must be a number up to 65535, not "{port}"')
    return int(port)


def listen(port: int) -> socket.socket:
    """Begin to listen at a port of 127.0.0.1; 0 takes a free one.

    Raises:
        LocalError: It is taken, or not for us.
    """
    try:
        return socket.create_server(("127.0.0.1", port), backlog=1024)
    except OSError as error:
        raise LocalError(
            f"port {port} cannot be used ({error.strerror}): stop what listens there, "
            "or choose another one with PORT=..."
        ) from None


def are_free(ports: Iterable[int]) -> bool:
    """Tell whether nobody listens at any of these ports of 127.0.0.1."""
    try:
        for port in ports:
            socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def main() -> int:
    """Tell whether a run could listen; the exit code is 0 then, and 1 after a line otherwise."""
    try:
        listen(service_port(os.environ)).close()
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
