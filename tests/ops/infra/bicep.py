"""Reads Bicep: what a file declares, as far as the tests ask."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tree_sitter_bicep
from tree_sitter import Language, Parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "infra"
MODULES = sorted((INFRA / "modules").glob("*.bicep"))
FILES = sorted([*INFRA.glob("*.bicep"), *MODULES])
PARAMETER_FILES = sorted(INFRA.glob("*.bicepparam"))

_PARSER = Parser(Language(tree_sitter_bicep.language()))
_COMMENTS = re.compile(r"(?m)^\s*//.*$")


@dataclass(frozen=True, slots=True)
class Expression:
    """What is no literal, as it is written."""

    text: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """A parameter, variable, output, type, resource or module.

    Attributes:
        kind: `parameter`, `variable`, `output`, `type`, `resource` or `module`.
        name: Its symbol.
        text: All of it, without its decorators.
        decorators: Arguments by name of the decorator: `{"minLength": [2]}`.
        body: What it is set to or consists of; None where there is nothing.
    """

    kind: str
    name: str
    text: str
    decorators: dict[str, list[Any]]
    body: Any

    @property
    def target(self) -> str:
        """The type and API version of a resource, or the path of a module."""
        found = re.search(r"'([^']+)'", self.text)
        assert found
        return found[1]

    @property
    def is_existing(self) -> bool:
        return self.kind == "resource" and " existing = " in self.text.partition("{")[0]


@cache
def declarations(file: Path) -> tuple[Declaration, ...]:
    """Return what a file declares, in order; a syntax error fails the test."""
    return tuple(_declared(file.read_text("utf-8")))


def of_kind(file: Path, *kinds: str) -> dict[str, Declaration]:
    return {each.name: each for each in declarations(file) if each.kind in kinds}


def source(file: Path) -> str:
    """Return a file without its comments."""
    return _COMMENTS.sub("", file.read_text("utf-8"))


def assigned(file: Path) -> dict[str, Any]:
    """Return what a .bicepparam file assigns.

    The grammar knows no such files, but their assignments read as variables do.
    """
    text = re.sub(r"(?m)^using .*$", "", file.read_text("utf-8"))
    return {each.name: each.body for each in _declared(re.sub(r"(?m)^param ", "var ", text))}


def fields(type_: Declaration) -> dict[str, Declaration]:
    """Return the properties of a user-defined type, each with its decorators."""
    (root,) = (node for node in _walked(_parsed(type_.text)) if node.type == "object")
    return {each.name: each for each in _decorated(root, "object_property")}


def _declared(text: str) -> Iterator[Declaration]:
    root = _parsed(text)
    assert not root.has_error, f"syntax error in:\n{text}"
    yield from _decorated(root, *(f"{kind}_declaration" for kind in _KINDS))


_KINDS = ("parameter", "variable", "output", "type", "resource", "module")


def _parsed(text: str) -> Node:
    return _PARSER.parse(text.encode()).root_node


def _walked(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walked(child)


def _decorated(parent: Node, *types: str) -> Iterator[Declaration]:
    """Yield the children of the given types, each with the decorators above it."""
    decorators: dict[str, list[Any]] = {}
    for node in parent.named_children:
        if node.type == "decorators":
            decorators = dict(map(_decorator, node.named_children))
            continue
        if node.type in types:
            name, *rest = [child for child in node.named_children if child.type != "comment"]
            body = value_of(_deployed(rest[-1])) if rest else None
            kind = node.type.removesuffix("_declaration")
            yield Declaration(kind, _text(name).strip("'"), _text(node), decorators, body)
        if node.type != "comment":
            decorators = {}


def _deployed(node: Node) -> Node:
    """Return what is deployed, where it is on a condition, which the text of a declaration has."""
    return node.named_children[-1] if node.type == "if_statement" else node


def _decorator(node: Node) -> tuple[str, list[Any]]:
    call = node.named_children[0]
    arguments = [each for child in call.named_children[1:] for each in child.named_children]
    return _text(call.named_children[0]), [value_of(each) for each in arguments]


def value_of(node: Node) -> Any:
    """Return a literal as Python has it, and anything else as an `Expression`."""
    comments = ("comment", "diagnostic_comment")
    children = [child for child in node.named_children if child.type not in comments]
    match node.type:
        case "string" if "${" not in _text(node):
            return _text(node)[1:-1].replace("\\'", "'")
        case "number":
            return int(_text(node))
        case "boolean":
            return _text(node) == "true"
        case "array":
            return [value_of(child) for child in children]
        case "object" if all(child.type == "object_property" for child in children):
            return dict(map(_property, children))
        case _:
            return Expression(_text(node))


def _property(node: Node) -> tuple[str, Any]:
    name, *rest = [child for child in node.named_children if child.type != "comment"]
    return _text(name).strip("'"), value_of(rest[-1]) if rest else Expression(_text(node))


def _text(node: Node) -> str:
    return (node.text or b"").decode()
