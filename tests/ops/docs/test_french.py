"""French pages have the typography of French, outside of their code.

No-break spaces keep a sign with its word: a narrow one before `;`, `!` and `?`, a wide one before
`:` and `%`, within quotation marks and between thousands. The apostrophe is the curved one.
"""

import re
from pathlib import Path

import pytest

from tests.ops.docs import markdown

PAGES = [page for page in markdown.pages() if page.name.endswith(".fr.md")]

RULES = {
    "a narrow no-break space before ; ! ?": re.compile(r".?(?<!\u202f)[;!?]"),
    "a no-break space before :": re.compile(r".?(?<!\u00a0):"),
    "no-break spaces within quotation marks": re.compile('«(?!\u00a0)|(?<!\u00a0)»|["“”]'),
    "a no-break space before %": re.compile(r"(?<!\u00a0)%"),
    "a no-break space between thousands": re.compile(r"\d \d{3}\b"),
    "a curved apostrophe": re.compile("'"),
}


def slips(prose: str) -> list[tuple[str, str]]:
    """Return what is set wrongly, as the rule and the text around."""
    return [
        (rule, prose[max(0, found.start() - 15) : found.end() + 15])
        for rule, pattern in RULES.items()
        for found in pattern.finditer(prose)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_typography_is_that_of_french(page: Path) -> None:
    texts = [text for section in markdown.sections(page) for text in section.everything()]
    titles = [section.title for section in markdown.sections(page)]
    assert [
        slip for prose in (*titles, *(text.prose for text in texts)) for slip in slips(prose)
    ] == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Un compte ; un groupe", "a narrow no-break space before ; ! ?"),
        ("Un compte\u00a0? Un groupe", "a narrow no-break space before ; ! ?"),
        ("À savoir: rien", "a no-break space before :"),
        ("`code` : rien", "a no-break space before :"),
        ("dit « non »", "no-break spaces within quotation marks"),
        ('dit "non"', "no-break spaces within quotation marks"),
        ("40% de tout", "a no-break space before %"),
        ("plus de 5 000 requêtes", "a no-break space between thousands"),
        ("l'utilisateur", "a curved apostrophe"),
    ],
)
def test_the_check_finds_what_is_wrong(text: str, rule: str) -> None:
    (section,) = markdown.read(text)
    assert {each for each, _ in slips(section.texts[0].prose)} == {rule}


def test_code_keeps_its_own_signs() -> None:
    text = '`a ; b: "c"`\u00a0: la suite [voir](#l\'ancre)\u202f; «\u00a0oui\u00a0», 40\u00a0%'
    (section,) = markdown.read(text)
    assert slips(section.texts[0].prose) == []
