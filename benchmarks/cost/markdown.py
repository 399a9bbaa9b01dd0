"""Lines of Markdown: paragraphs and list items are wrapped once their figures stand in them."""

import re
from collections.abc import Iterator
from textwrap import wrap

WIDTH = 120

_ITEM = re.compile(r"(?:- |\d+\. )")
_AS_IT_IS = re.compile(r"[#|]")


def wrapped(text: str) -> str:
    """Wrap every paragraph and every list item; headings and tables stay as they are."""
    return "\n\n".join("\n".join(_block(block)) for block in text.strip().split("\n\n")) + "\n"


def _block(block: str) -> Iterator[str]:
    for part in _parts(block):
        item = _ITEM.match(part)
        if _AS_IT_IS.match(part):
            yield part
        else:
            indent = " " * len(item.group()) if item else ""
            yield from wrap(
                " ".join(part.split()),
                WIDTH,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )


def _parts(block: str) -> list[str]:
    """Split a block where an item, a heading or a row of a table begins."""
    return re.split(r"\n(?=- |\d+\. |[#|])", block.strip("\n"))
