"""The tools know the service by HTTP alone, but for its operator's."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SERVICE = {"shared", "function_app", "local", "azure"}
ADMIN = ROOT / "tools" / "admin"
MODULES = sorted(file for file in (ROOT / "tools").rglob("*.py") if not file.is_relative_to(ADMIN))


def imported(file: Path) -> set[str]:
    """Return the top-level packages that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_tool_imports_nothing_of_the_service(file: Path) -> None:
    assert not [
        name for name in imported(file) if name in SERVICE or name.startswith("scim_") or not name
    ]


def test_there_are_tools_to_look_at() -> None:
    assert {"demo.py", "__main__.py", "cycle.py"} <= {file.name for file in MODULES}
