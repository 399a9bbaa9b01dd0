"""The protocol stands alone: nothing of the rest of the program, of Azure, or heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MODULES = sorted(path.stem for path in Path("shared/scim").glob("[!_]*.py"))


OURS = {path.parent.name for path in Path().glob("*/__init__.py")} | {"function_app"}


def loaded_by(module: str) -> set[str]:
    """Return the names of the modules that a fresh interpreter loads for one of ours."""
    program = f"import sys, shared.scim.{module}; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    return set(run.stdout.split())


@pytest.mark.parametrize("module", MODULES)
def test_a_module_loads_nothing_but_the_protocol(module: str) -> None:
    loaded = loaded_by(module)
    ours = {name for name in loaded if name.split(".")[0] in OURS}
    assert all(f"{name}.".startswith("shared.scim.") for name in ours - {"shared", "shared.errors"})
    # Envelopes and the documents of a deployer alone pay for pydantic, and what that loads in turn.
    forms = {"messages", "schema_documents", "custom_schemas"}
    heavy = set() if module in forms else {"pydantic", "asyncio", "socket", "ssl"}
    assert not ({"azure", "aiohttp"} | heavy) & loaded
