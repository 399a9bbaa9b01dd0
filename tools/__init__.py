"""Command-line tools: what `make install` installs for them, and which of them imports what.

`tools.provision`, `tools.adopt` and `tools.reconcile` speak SCIM and import nothing of the service;
`tools.admin` works on its vault and its table.
"""

from importlib.util import find_spec

_missing = [name for name in ("typer", "rich", "httpx") if find_spec(name) is None]
if _missing:
    raise SystemExit(
        f"error: not installed: {', '.join(_missing)}. Run `make install` once, "
        "and the tools with .venv/bin/python -m tools..."
    )
