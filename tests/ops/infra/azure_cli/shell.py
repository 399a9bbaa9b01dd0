"""Finds the command lines of az in shell: in scripts, in workflows, in what a page has one type.

What a shell would put in at run time stands as `VALUE`. Where arguments are there or not, as in
`${subscription:+--subscription "$subscription"}`, both lines are found. A function that hands its
own arguments on, as `azure() { az "$@" --only-show-errors; }`, is followed to its callers, and so
are arguments that `set -- "$@" ...` or `args+=(...)` append, in a loop or out of one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

import tree_sitter_bash
from tree_sitter import Language, Parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

VALUE = "¤"
"""Stands for what is known at run time alone."""

ALL_ARGUMENTS = "\0"
"""Stands for `"$@"`, until it is known what it is."""

RUNNERS = {"command", "exec", "env", "nohup", "sudo", "time", "xargs"}
"""Commands whose arguments are a command."""

_PARSER = Parser(Language(tree_sitter_bash.language()))

Words = tuple[str, ...]


class UnreadableError(Exception):
    """The text is no shell, or shell that this cannot follow."""


@dataclass(frozen=True, slots=True)
class Line:
    """A command line of az.

    Attributes:
        row: its first line in the text, counted from 0.
        words: what follows az.
    """

    row: int
    words: Words


@dataclass(slots=True)
class Program:
    """Texts of shell that make one program, by sourcing each other or by being typed in turn.

    Attributes:
        wrappers: functions that hand their arguments on to az, and what az gets from them.
    """

    wrappers: dict[str, list[Words]] = field(default_factory=dict)

    def learn(self, text: str) -> None:
        """Note the functions of a text that hand their arguments on to az."""
        for function in _all(_parse(text), "function_definition"):
            name = _text(function.child_by_field_name("name"))
            handed = [
                words
                for command in _all(function, "command")
                for words in self._of_az(command)
                if ALL_ARGUMENTS in words
            ]
            if handed and not _appended(function):
                self.wrappers[name] = handed

    def lines(self, text: str) -> list[Line]:
        """Return the command lines of az in a text, once each.

        Raises:
            UnreadableError: it cannot be read as shell.
        """
        found = (
            Line(command.start_point.row, words)
            for command in _all(_parse(text), "command")
            for words in self._called(command)
        )
        return list(dict.fromkeys(found))

    def _called(self, command: Node) -> Iterator[Words]:
        for words in self._of_az(command):
            if ALL_ARGUMENTS not in words:
                yield words
                continue
            function = _function_around(command)
            appended = _appended(function or _root(command))
            if appended:
                yield _filled(words, appended)
            elif function is None:
                raise UnreadableError('nothing says what "$@" is')

    def _of_az(self, command: Node) -> list[Words]:
        """Return what az gets from a command, in each of its forms; nothing if it is not called."""
        name = _text(command.child_by_field_name("name"))
        forms = _forms(command)
        if name in RUNNERS:
            forms = [
                form[form.index("az") + 1 :] for form in forms if "az" in form and "-v" not in form
            ]
        elif name in self.wrappers:
            forms = [_filled(line, form) for line in self.wrappers[name] for form in forms]
        elif name != "az":
            return []
        return list(dict.fromkeys(forms))


def _parse(text: str) -> Node:
    root = _PARSER.parse(text.encode()).root_node
    if root.has_error:
        wrong = next(node for node in _walk(root) if node.is_error or node.is_missing)
        shown = text.splitlines()[wrong.start_point.row : wrong.start_point.row + 1]
        raise UnreadableError(
            f"line {wrong.start_point.row + 1} is no shell: {' '.join(shown).strip()}"
        )
    return root


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _all(node: Node, kind: str) -> Iterator[Node]:
    return (each for each in _walk(node) if each.type == kind)


def _root(node: Node) -> Node:
    while node.parent is not None:
        node = node.parent
    return node


def _function_around(node: Node) -> Node | None:
    above = node.parent
    while above is not None and above.type != "function_definition":
        above = above.parent
    return above


def _text(node: Node | None) -> str:
    return node.text.decode() if node is not None and node.text is not None else ""


def _filled(words: Words, arguments: Words) -> Words:
    at = words.index(ALL_ARGUMENTS)
    return (*words[:at], *arguments, *words[at + 1 :])


def _appended(scope: Node) -> Words:
    """Return what `set --` makes of the arguments, all that may be appended among them."""
    words: Words = ()
    for command in _all(scope, "command"):
        if _text(command.child_by_field_name("name")) != "set":
            continue
        for form in _forms(command)[-1:]:
            given = form[form.index("--") + 1 :] if "--" in form else ()
            words = _filled(given, words) if ALL_ARGUMENTS in given else (*given, *words)
    return words


def _elements(array: str, scope: Node) -> Words:
    """Return what `array=(...)` and `array+=(...)` put into an array, in a loop or out of one."""
    return tuple(
        word
        for assignment in _all(scope, "variable_assignment")
        if _text(assignment.child_by_field_name("name")) == array
        for value in _all(assignment, "array")
        for child in value.named_children
        for word in _alternatives(child)[-1]
    )


def _forms(command: Node) -> list[Words]:
    """Return the arguments of a command; more than one list where some may be there or not."""
    given = command.children_by_field_name("argument")
    return [
        tuple(word for words in form for word in words)
        for form in product(*map(_alternatives, given))
    ]


def _alternatives(node: Node) -> list[Words]:
    """Return what an argument may come to: as a rule one word."""
    if node.type == "expansion" and (
        kept := re.fullmatch(r"\$\{\w+:?\+(.*)\}", _text(node), re.DOTALL)
    ):
        (inner,) = _all(_parse(f"az {kept[1]}"), "command")
        return [(), *_forms(inner)]
    if node.type == "string" and _text(node) in {'"$@"', '"${@}"'}:
        return [(ALL_ARGUMENTS,)]
    if node.type == "string" and (array := re.fullmatch(r'"\$\{(\w+)\[@\]\}"', _text(node))):
        return [_elements(array[1], _root(node))]
    return [(_word(node),)]


def _word(node: Node) -> str:
    """Return a word as the command gets it."""
    match node.type:
        case "word" | "number":
            return re.sub(r"\\(.)", r"\1", _text(node), flags=re.DOTALL)
        case "raw_string":
            return _text(node)[1:-1]
        case "string":
            return _content(node)
        case "concatenation":
            return "".join(map(_word, node.children))
        case "simple_expansion" | "expansion" | "command_substitution" | "ansi_c_string":
            return VALUE
        case "arithmetic_expansion" | "translated_string" | "process_substitution":
            return VALUE
    raise UnreadableError(f"an argument cannot be read: {_text(node)}")


def _content(node: Node) -> str:
    """Return what is between double quotes, or in a here-document."""
    text, at = "", node.start_byte
    whole = node.text or b""
    for child in node.named_children:
        if child.type in {"string_content", "heredoc_content"}:
            continue
        text += whole[at - node.start_byte : child.start_byte - node.start_byte].decode() + VALUE
        at = child.end_byte
    text += whole[at - node.start_byte :].decode()
    if node.type == "string":
        text = text[1:-1]
    return re.sub(r'\\(["\\$`\n])', lambda found: found[1].strip("\n"), text)


def spoken(text: str) -> list[tuple[int, str]]:
    """Return what shell says to people, in strings, here-documents and comments, and its row."""
    kinds = {"string", "raw_string", "heredoc_body", "comment"}
    nodes = (node for node in _walk(_parse(text)) if node.type in kinds)
    return [(node.start_point.row, _spoken(node)) for node in nodes]


def _spoken(node: Node) -> str:
    if node.type == "comment":
        return _text(node).lstrip("# ")
    return _text(node)[1:-1] if node.type == "raw_string" else _content(node)
