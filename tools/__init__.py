"""Command-line tools: what `make install` installs for them, and which of them imports what.

`tools.provision` and `tools.adopt` speak SCIM to any service and import nothing of this one;
`tools.admin` works on its vault and its table.
"""

from importlib.util import find_spec

_missing = [name for name in ("typer", "rich", "httpx") if find_spec(name) is None]
if _missing:
    raise SystemExit(
        f"error: not installed: {', '.join(_missing)}. Run `make install` once, "
        "and the tools with .venv/bin/python -m tools..."
    )
