"""Markdown as its reader sees it: sections with their anchors, what they link to, code, tables."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[3]
_PARSER = MarkdownIt("commonmark").enable("table")
_NO_PART_OF_AN_ANCHOR = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, a list item, a heading or the cell of a table.

    Attributes:
        plain: what is read, code included.
        prose: the same with "¤" in place of each code span.
        codes: its code spans.
        links: what it links to.
    """

    plain: str
    prose: str = ""
    codes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table; every row has as many cells as the header."""

    header: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]


@dataclass(slots=True)
class Section:
    """A heading, and what stands between it and the next one of any level.

    Attributes:
        title: the heading; empty for what stands before the first one.
        level: 1 to 6, 0 for what stands before the first heading.
        anchor: what links to it say after the `#`.
        texts: paragraphs and list items.
        tables: the tables.
        fences: the contents of its code blocks.
    """

    title: str = ""
    level: int = 0
    anchor: str = ""
    texts: list[Text] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    fences: list[str] = field(default_factory=list)

    def everything(self) -> Iterator[Text]:
        """Yield every text, cells of tables included."""
        yield from self.texts
        for table in self.tables:
            for row in (table.header, *table.rows):
                yield from row


def pages() -> list[Path]:
    """Return every Markdown file of the project, without what was installed or is hidden."""
    found: list[Path] = []
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if name != "node_modules" and not name.startswith(".")]
        found += [Path(folder, name) for name in files if name.endswith(".md")]
    return sorted(found)


@cache
def sections(path: Path) -> list[Section]:
    """Read a page, once a run: pages are many, and link to each other."""
    return read(path.read_text("utf-8"))


def section(path: Path, anchor: str) -> Section:
    """Return the section of a page that an anchor leads to."""
    return next(each for each in sections(path) if each.anchor == anchor)


def read(text: str) -> list[Section]:
    """Take Markdown apart."""
    found = [Section()]
    tokens = iter(_PARSER.parse(text))
    used: Counter[str] = Counter()
    for token in tokens:
        match token.type:
            case "heading_open":
                title = _text(next(tokens)).plain
                anchor = _anchor(title)
                again = f"-{used[anchor]}" if used[anchor] else ""
                used[anchor] += 1
                found.append(Section(title, int(token.tag[1:]), anchor + again))
            case "inline":
                found[-1].texts.append(_text(token))
            case "fence" | "code_block":
                found[-1].fences.append(token.content)
            case "table_open":
                found[-1].tables.append(_table(tokens))
    return found


def _table(tokens: Iterator[Token]) -> Table:
    rows: list[list[Text]] = []
    for token in tokens:
        match token.type:
            case "tr_open":
                rows.append([])
            case "inline":
                rows[-1].append(_text(token))
            case "table_close":
                break
    header, *body = (tuple(row) for row in rows)
    return Table(header, tuple(body))


def _text(token: Token) -> Text:
    children = token.children or []
    read = [" " if each.type == "softbreak" else each.content for each in children]
    kinds = [each.type for each in children]
    return Text(
        "".join(read),
        "".join(
            "¤" if kind == "code_inline" else text for kind, text in zip(kinds, read, strict=True)
        ),
        tuple(each.content for each in children if each.type == "code_inline"),
        tuple(str(each.attrGet("href")) for each in children if each.type == "link_open"),
    )


def _anchor(title: str) -> str:
    """Make the anchor of a heading as GitHub does."""
    return _NO_PART_OF_AN_ANCHOR.sub("", title.lower()).replace(" ", "-")
