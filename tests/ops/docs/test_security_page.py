"""SECURITY.md says what is so: its numbers and names are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared import tenants
from shared.auth import cached, vault, versions
from shared.tables import azure_table

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_file_that_it_names_exists() -> None:
    named = re.findall(r"`((?:tests|shared|docs|infra)/[\w./-]*)`", PAGE)
    assert len(named) > 5
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_link_within_it_leads_to_a_heading() -> None:
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) == anchors


@pytest.mark.parametrize(
    ("said", "value", "is_so"),
    [
        ("at most once in 5 s", vault.RENEW_FOR_ANY_SECONDS, 5),
        ("refused within a minute", cached.FRESH_SECONDS, 60),
        ("serves for an hour", cached.LAST_GOOD_SECONDS, 3_600),
        ("within 30 days", vault.EXPIRY_NOTICE_SECONDS, 30 * 86_400),
        ("once a day", vault.NOTICE_EVERY_SECONDS, 86_400),
        ("(100 at once)", azure_table.CONCURRENT_CALLS, 100),
        ("newest two enabled versions", versions.VALID_TOKENS, 2),
        ("at least 16 characters", tenants.TOKEN.pattern, "[!-~]{16,4096}"),
        ("`scim-token`", tenants.secret_name("default"), "scim-token"),
        ("`scim-token--<tenant>`", tenants.secret_name("acme"), "scim-token--acme"),
    ],
)
def test_what_it_says_is_what_the_code_does(said: str, value: object, is_so: object) -> None:
    assert said in PAGE
    assert value == is_so
