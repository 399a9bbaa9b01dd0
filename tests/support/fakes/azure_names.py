"""Runs the app in a world where names of Azure lead to ports of loopback.

Nothing else differs from production: the SDKs see the URLs of production, verify the certificates
of those names, and hold Key Vault's challenge against its domain. What `SSL_CERT_FILE` names they
trust.

    PORTS_OF_NAMES='{"contoso.vault.azure.net": 443}' python -m tests.support.fakes.azure_names ...

Its arguments are those of the stand-in host, or `--worker <folder of the app>` for the worker.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any


def lead_to_loopback(ports: dict[str, int]) -> None:
    resolve = socket.getaddrinfo

    def resolved(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if host in ports:
            host, port = "127.0.0.1", ports[host]
        return resolve(host, port, *arguments, **options)

    socket.getaddrinfo = resolved


if __name__ == "__main__":
    lead_to_loopback(json.loads(os.environ.get("PORTS_OF_NAMES", "{}")))
    if sys.argv[1] == "--worker":
        from tests.support.fakes import worker

        worker.main(sys.argv[2])
        sys.exit()
    from local import host

    sys.exit(host.main())
