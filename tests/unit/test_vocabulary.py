"""One name, one meaning: a public class, alias or constant is defined in one module alone."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING

from tests.support.deployed import MODULES, PACKAGES, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


def names_in(source: str) -> Iterator[str]:
    """Yield the public classes, aliases and constants that a module defines."""
    for node in ast.parse(source).body:
        match node:
            case ast.ClassDef(name=name):
                yield name
            case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
                continue
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def defined() -> dict[str, list[str]]:
    """Return the modules of the deployed code that define each public name."""
    files = [ROOT / f"{module}.py" for module in MODULES]
    files += [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    found: dict[str, list[str]] = defaultdict(list)
    for file in files:
        for name in names_in(file.read_text("utf-8")):
            if not name.startswith("_"):
                found[name].append(file.relative_to(ROOT).as_posix())
    return found


def test_a_public_name_means_one_thing() -> None:
    twice = {name: files for name, files in defined().items() if len(files) > 1}
    assert not twice, f"rename one of each: {twice}"


def test_classes_aliases_and_constants_are_names_and_type_variables_are_not() -> None:
    source = """
from typing import TypeVar
R = TypeVar("R")
LIMIT: int = 3
Ids = list[str]
class Page: ...
def page(): ...
"""
    assert list(names_in(source)) == ["LIMIT", "Ids", "Page"]
