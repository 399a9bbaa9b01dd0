"""Entity tags: how versions are written and compared (RFC 7644 section 3.14)."""

from __future__ import annotations

import pytest

from shared.web.entity_tags import EntityTags, entity_tag


def allows(header: str, version: str = "7") -> bool:
    tags = EntityTags.parse(header)
    assert tags is not None
    return tags.allow(version)


def test_a_version_is_a_weak_tag() -> None:
    assert entity_tag("7") == 'W/"7"'


@pytest.mark.parametrize("header", [None, "", "  "])
def test_no_header_is_no_condition(header: str | None) -> None:
    assert EntityTags.parse(header) is None


@pytest.mark.parametrize(
    "header", ['W/"7"', '"7"', ' W/"7" ', 'W/"6", W/"7"', '"6","7"', "7", "*", " * "]
)
def test_a_version_that_is_named_is_allowed(header: str) -> None:
    assert allows(header)


@pytest.mark.parametrize(
    "header", ['W/"6"', '"77"', '"*"', "6", '""', "W/7", 'W/"6", "8"', '"', "7, 8"]
)
def test_a_version_that_is_not_named_is_not_allowed(header: str) -> None:
    assert not allows(header)


def test_a_tag_that_was_written_is_read_back() -> None:
    assert allows(entity_tag("0f3a"), "0f3a")
