"""Runs the stand-in host in a world where names of Azure lead to ports of loopback.

Nothing else differs from production: the SDKs see the URLs of production, verify the certificates
of those names, and hold Key Vault's challenge against its domain. What `SSL_CERT_FILE` names they
trust.

    PORTS_OF_NAMES='{"contoso.vault.azure.net": 443}' python -m tests.support.fakes.azure_names ...
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
    lead_to_loopback(json.loads(os.environ["PORTS_OF_NAMES"]))
    from local.host import main

    sys.exit(main())
