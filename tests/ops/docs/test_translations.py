"""A translated page says what its original says: no heading, row, code, link or number differs."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.ops.docs import markdown
from tests.ops.docs.markdown import Section, Text

TRANSLATIONS = [page for page in markdown.pages() if re.search(r"\.[a-z]{2}\.md$", page.name)]

_BETWEEN_THOUSANDS = re.compile(r"(?<=\d)[ ,\N{NO-BREAK SPACE}](?=\d{3}\b)")


def original(translation: Path) -> Path:
    return translation.with_name(re.sub(r"\.[a-z]{2}\.md$", ".md", translation.name))


FAMILY = {original(page): "en" for page in TRANSLATIONS} | {
    page: page.suffixes[0] for page in TRANSLATIONS
}
"""The language of each page that is a translation or has one."""


def codes(texts: Iterable[Text]) -> Counter[str]:
    return Counter(code for text in texts for code in text.codes)


def numbers(texts: Iterable[Text]) -> Counter[str]:
    """The numbers of a text, 5,000 and 5 000 being one."""
    plain = (_BETWEEN_THOUSANDS.sub("", text.plain) for text in texts)
    return Counter(number for each in plain for number in re.findall(r"\d+", each))


def order_of_anchors(page: Path) -> dict[str, str]:
    return {each.anchor: f"#{n}" for n, each in enumerate(markdown.sections(page))}


def place(page: Path, link: str) -> str:
    """Name what a link leads to; a place of a translated page by its order, in any language."""
    file, _, anchor = unquote(link).partition("#")
    target = page.parent / file if file else page
    if target not in FAMILY:
        return link
    language = "the same language" if FAMILY[target] == FAMILY[page] else "the other language"
    where = order_of_anchors(target)[anchor] if anchor else ""
    return f"{original(target).name}{where} in {language}"


def places(page: Path, section: Section) -> Counter[str]:
    """What a section links to."""
    return Counter(place(page, link) for text in section.everything() for link in text.links)


@pytest.fixture(params=TRANSLATIONS, ids=lambda page: page.name)
def pair(request: pytest.FixtureRequest) -> tuple[Path, Path]:
    translation: Path = request.param
    return original(translation), translation


def compare(pair: tuple[Path, Path], what: Callable[[Path, Section], object]) -> None:
    """Assert that something of each section is the same in both languages."""
    one, other = (
        {f"{n} {'#' * each.level}": what(page, each) for n, each in enumerate(sections)}
        for page, sections in ((page, markdown.sections(page)) for page in pair)
    )
    assert one == other


def test_the_guides_for_customers_are_there_in_french() -> None:
    guides = (page for page in markdown.pages() if page.name.startswith("connect-"))
    assert {original(page) for page in guides} == {original(page) for page in TRANSLATIONS}
    assert len(TRANSLATIONS) == 2


def test_the_sections_are_the_same(pair: tuple[Path, Path]) -> None:
    compare(pair, lambda _, section: len(section.texts))


def test_the_tables_have_the_same_rows_and_columns_and_code(pair: tuple[Path, Path]) -> None:
    compare(
        pair,
        lambda _, section: [
            [[cell.codes for cell in row] for row in (table.header, *table.rows)]
            for table in section.tables
        ],
    )


def test_the_code_is_the_same(pair: tuple[Path, Path]) -> None:
    compare(pair, lambda _, section: (codes(section.everything()), section.fences))


def test_the_numbers_are_the_same(pair: tuple[Path, Path]) -> None:
    compare(pair, lambda _, section: numbers(section.everything()))


def test_the_links_lead_to_the_same_places(pair: tuple[Path, Path]) -> None:
    compare(pair, places)
