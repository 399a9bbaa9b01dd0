"""Kinds of keys and names of columns stand as text in `shared/store/layout.py` and nowhere else."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.store.layout import Column, RowKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
LAYOUT = ROOT / "shared" / "store" / "layout.py"
ROOMS_OF_ROWS = (ROOT / "shared" / "store", ROOT / "shared" / "tables")
READERS_OF_ROWS = (ROOT / "shared", ROOT / "tools")

KINDS = frozenset(kind.value for kind in RowKind)
COLUMNS = frozenset(value for name, value in vars(Column).items() if name.isupper())
HEAD_OF_A_KEY = re.compile(rf"({'|'.join(KINDS)})[-.]")


def sources_in(*folders: Path) -> dict[str, str]:
    found = {
        str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
        for folder in folders
        for file in folder.rglob("*.py")
        if file != LAYOUT
    }
    assert len(found) > 10
    return found


def text_of(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def texts_in(tree: ast.AST) -> Iterator[str]:
    """Return the strings of a module, without docstrings."""
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (text_of(node) for node in ast.walk(tree) if node not in docstrings)
    return (text for text in texts if text is not None)


def keys_in(source: str) -> list[str]:
    """Return the keys that a module builds or takes apart by their text: `f"u-{uid}"`, `"m-"`."""
    tree = ast.parse(source)
    formatted = [node.values[0] for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    heads = [text for text in map(text_of, formatted) if text is not None]
    prefixes = [text for text in texts_in(tree) if text[:-1] in KINDS]
    return [text for text in (*heads, *prefixes) if HEAD_OF_A_KEY.match(text)]


def columns_in(source: str) -> list[str]:
    """Return the columns that a module takes by their text: `row.values["v"]`."""

    def is_of_a_row(node: ast.expr) -> bool:
        return ast.unparse(node).rpartition(".")[2] == "values"

    found: list[ast.expr] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Subscript(value=values, slice=column) if is_of_a_row(values):
                found.append(column)
            case ast.Call(func=ast.Attribute(value=values, attr="get"), args=[column, *_]):
                found += [column] if is_of_a_row(values) else []
    texts = [text for text in map(text_of, found) if text is not None]
    return [text for text in texts if text.rstrip("0123456789") in COLUMNS]


def words_in(source: str) -> list[str]:
    """Return the strings of a module that are a kind or a column, whatever they are used for."""
    return [text for text in texts_in(ast.parse(source)) if text in KINDS | COLUMNS]


def readings_in(source: str) -> list[str]:
    """Return where a module takes the key of a row apart: `row.key[2:]`, `row.key.split("-")`."""

    def is_key(node: ast.expr) -> bool:
        return isinstance(node, ast.Attribute) and node.attr == "key"

    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Subscript | ast.Attribute) and is_key(node.value)
    ]


@pytest.mark.parametrize(
    "source",
    ['f"u-{uid}"', 'key.startswith(("u-", "m-"))', 'Span("q-", "q.")', 'f"q-g-{gid}"', "f'm-{g}.'"],
)
def test_a_key_that_is_written_as_text_is_found(source: str) -> None:
    assert keys_in(source)


@pytest.mark.parametrize("source", ['"g-force"', 'f"us-{n}"', '"u"', '"""u- is a user."""'])
def test_other_texts_are_no_keys(source: str) -> None:
    assert keys_in(source) == []


def test_a_column_that_is_written_as_text_is_found() -> None:
    source = 'int(row.values["v"])\nvalues.get("d1")\nasked["v"]\nvalues["other"]'
    assert sorted(columns_in(source)) == ["d1", "v"]
    assert words_in('Counters(table, "cg")\nselect=("n",)\n{"lm": now}\n"other"') == [
        "cg",
        "n",
        "lm",
    ]


def test_a_key_that_is_taken_apart_is_found() -> None:
    source = "row.key[2:], operation.key.startswith(prefix), row.key, layout.id_in(row.key)"
    assert readings_in(source) == ["row.key[2:]", "operation.key.startswith"]


@pytest.mark.parametrize(
    ("find", "folders"),
    [
        (keys_in, READERS_OF_ROWS),
        (columns_in, READERS_OF_ROWS),
        (readings_in, READERS_OF_ROWS),
        (words_in, ROOMS_OF_ROWS),
    ],
)
def test_no_other_module_has_one(
    find: Callable[[str], list[str]], folders: tuple[Path, ...]
) -> None:
    assert {
        file: found for file, text in sources_in(*folders).items() if (found := find(text))
    } == {}
