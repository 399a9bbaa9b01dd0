"""Generated Markdown is wrapped without changing what it says."""

from __future__ import annotations

from benchmarks.cost.documents import WIDTH, wrapped

LONG = " ".join(["word"] * 60)


def test_paragraphs_are_wrapped_at_the_width() -> None:
    text = wrapped(f"one\ntwo\n\n{LONG}")
    assert text.startswith("one two\n\nword word")
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.split() == ["one", "two", *LONG.split()]


def test_items_hang_below_their_mark() -> None:
    lines = wrapped(f"- {LONG}\n- short\n\n1. {LONG}").splitlines()
    assert [line[:3] for line in lines] == ["- w", "  w", "  w", "- s", "", "1. ", "   ", "   "]


def test_headings_and_tables_stay_as_they_are() -> None:
    table = f"## {LONG}\n\n| a | {LONG} |\n|---|---|\n| b | c |"
    assert wrapped(table) == table


def test_a_link_is_not_broken_within_its_address() -> None:
    link = "https://learn.microsoft.com/" + "a-long-name/" * 12
    assert f"({link})" in wrapped(f"{LONG} [a page]({link}) and on")
