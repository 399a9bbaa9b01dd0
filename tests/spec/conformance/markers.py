"""Which tests say that they show a requirement: `@pytest.mark.rfc("7644-3.3-created")`.

The source is read, not run, so that the document can be made without the service.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TESTS: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, order=True)
class MarkedTest:
    """A test that bears the marker.

    Attributes:
        file: Its path below the folder of the tests, with slashes.
        name: Of the function; `Class::function` in a class.
    """

    file: str
    name: str


def marked_tests(folder: Path = TESTS) -> Mapping[str, Sequence[MarkedTest]]:
    """Return the tests of each id that markers name, in the order of their files and lines."""
    found: dict[str, list[MarkedTest]] = defaultdict(list)
    for file in sorted(folder.rglob("test_*.py")):
        name = file.relative_to(folder).as_posix()
        for test, ids in _marked(ast.parse(file.read_text("utf-8")), ""):
            for requirement in ids:
                found[requirement].append(MarkedTest(name, test))
    return found


def _marked(node: ast.AST, prefix: str) -> Iterator[tuple[str, list[str]]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _marked(child, f"{prefix}{child.name}::")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            ids = [each for mark in child.decorator_list for each in _ids(mark)]
            if ids:
                yield f"{prefix}{child.name}", ids


def _ids(decorator: ast.expr) -> list[str]:
    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.rfc":
        return [ast.literal_eval(argument) for argument in decorator.args]
    return []
