"""`python -m tests.spec.conformance`: writes docs/conformance.md."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.spec.conformance.document import render
from tests.spec.conformance.markers import marked_tests

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "conformance.md"

if __name__ == "__main__":
    DOCUMENT.write_text(render(marked_tests()), encoding="utf-8")
