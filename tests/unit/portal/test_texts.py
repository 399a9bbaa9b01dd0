"""The catalogue: every text in every language, each used, and none missing."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import portal
from portal.texts import CATALOGUE, LANGUAGES, Texts, language_of

PORTAL = Path(portal.__file__).parent
SOURCES = [*PORTAL.rglob("*.py"), *PORTAL.rglob("*.html")]
TEXT = "\n".join(path.read_text("utf-8") for path in SOURCES)

MADE_UP = (
    "ago.",
    "attribute.",
    "did.",
    "kind.",
    "mapping.",
    "method.",
    "outcome.",
    "provider.",
    "refusal.",
    "remedy.",
    "steps.",
    "test.",
    "type.",
)
"""Beginnings of keys that are put together where they are used."""


def names_in(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


@pytest.mark.parametrize("key", sorted(CATALOGUE))
def test_a_text_is_in_every_language_and_takes_the_same_values(key: str) -> None:
    texts = CATALOGUE[key]
    assert set(texts) == set(LANGUAGES)
    assert all(text.strip() == text and text for text in texts.values())
    assert len({tuple(names_in(text)) for text in texts.values()}) == 1
    assert not any("<" in text for text in texts.values())


def test_every_text_that_is_asked_for_is_there() -> None:
    asked = set(re.findall(r"""\b(?:t|texts)\(["']([a-z_]+(?:\.\w+)*)["'][,)]""", TEXT))
    counted = set(re.findall(r"""\.count\(["']([\w.]+)["']""", TEXT))
    assert len(asked) > 80
    assert asked - CATALOGUE.keys() == set()
    assert {f"{key}.{n}" for key in counted for n in ("one", "many")} - CATALOGUE.keys() == set()


def test_every_refusal_has_its_texts() -> None:
    keys = set(re.findall(r"""PageRefusal\(\d+, "(\w+)"\)""", TEXT))
    keys |= set(re.findall(r"""\d+: "(\w+)",""", TEXT)) | {"session_over", "right_missing", "fault"}
    wanted = {f"refusal.{key}.{part}" for key in keys for part in ("title", "detail", "remedy")}
    assert wanted - CATALOGUE.keys() <= {
        f"refusal.{key}.{part}"
        for key in ("answer", "unauthorized", "rate_limited")
        for part in ("title", "detail", "remedy")
    }


def test_every_step_of_the_test_has_its_texts() -> None:
    source = (PORTAL / "connection_test.py").read_text("utf-8")
    steps = set(re.findall(r'Step\(\s*"(\w+)"', source)) | set(re.findall(r'\d+: "(\w+)"', source))
    failing = steps - {"address", "form", "answer", "secret_form", "access_token"}
    assert len(steps) > 10
    assert {f"test.{step}.title" for step in steps} - CATALOGUE.keys() == set()
    assert {f"test.{step}.remedy" for step in failing} - CATALOGUE.keys() == set()


def test_every_text_is_used() -> None:
    unused = [
        key
        for key in CATALOGUE
        if not key.startswith(MADE_UP)
        and f'"{key}"' not in TEXT
        and f"'{key}'" not in TEXT
        and f'"{key.rpartition(".")[0]}"' not in TEXT
        and f'"{key.rpartition(".")[0]}." ~' not in TEXT
        and f'"{key.rpartition("_")[0]}_" ~' not in TEXT
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.5", "fr"),
        ("en-GB,fr;q=0.9", "en"),
        ("de,fr;q=0.2,en;q=0.3", "en"),
        ("de", "en"),
        ("fr;q=0", "en"),
        ("fr;q=x", "en"),
        ("," * 5_000, "en"),
    ],
)
def test_the_language_that_is_wanted_most_is_chosen(accepted: str | None, language: str) -> None:
    assert language_of(accepted) == language


def test_numbers_have_the_form_of_the_language() -> None:
    english, french = Texts("en"), Texts("fr")
    assert english.count("number.users", 1_234) == "1,234 users"
    assert french.count("number.users", 1_234) == "1\N{NARROW NO-BREAK SPACE}234 utilisateurs"
    assert english.count("number.users", 0) == "0 users"
    assert french.count("number.users", 0) == "0 utilisateur"
    assert english.count("number.users", 20, more=True) == "20+ users"
