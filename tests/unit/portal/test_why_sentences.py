"""What was found, on a page: the sentence that the API has, in pieces."""

from __future__ import annotations

from string import Formatter

import pytest

from portal.why_pages import pieces_of
from shared.explain.english import ENGLISH_FOR_CUSTOMER
from shared.explain.french import FRENCH_FOR_CUSTOMER
from shared.explain.statements import NONE, Finding, Statement
from shared.explain.text_catalogue import TextCatalogue, text_of


def names_in(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


@pytest.mark.parametrize("value", [NONE, "x"])
@pytest.mark.parametrize("catalogue", [ENGLISH_FOR_CUSTOMER, FRENCH_FOR_CUSTOMER])
def test_a_page_has_the_sentence_that_the_api_has(catalogue: TextCatalogue, value: str) -> None:
    for code in Finding:
        names = names_in(catalogue.findings[code])
        statement = Statement(code, dict.fromkeys(names, value))
        told = "".join(piece.text for piece in pieces_of(statement, catalogue))
        assert told == text_of(statement, catalogue)
        assert "[" not in told
