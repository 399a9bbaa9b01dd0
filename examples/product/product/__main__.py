"""`python -m product`: serves the pages on this machine."""

import socket
import sys

import uvicorn

from product.database import Database
from product.settings import Settings
from product.web import create_app


def main() -> int:
    """Serve until Ctrl-C."""
    try:
        settings = Settings.read()
    except KeyError as error:
        print(f"error: set {error.args[0]}", file=sys.stderr)
        return 2
    database = Database(settings.database_url)
    with socket.create_server(("127.0.0.1", settings.port)) as listener:
        print(f"Product: http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        config = uvicorn.Config(
            create_app(settings, database), log_level="warning", timeout_graceful_shutdown=3
        )
        uvicorn.Server(config).run(sockets=[listener])
    database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
