"""Links of the documentation lead somewhere, and every page can be reached."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.ops.docs import markdown
from tests.ops.docs.markdown import ROOT

PAGES = markdown.pages()


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


def links(page: Path) -> list[str]:
    """Return what a page links to."""
    texts = (text for section in markdown.sections(page) for text in section.everything())
    return [link for text in texts for link in text.links]


def target(page: Path, link: str) -> Path:
    """Return the file or folder that a link within the project names."""
    named = unquote(urlsplit(link).path)
    return (page.parent / named).resolve() if named else page


def broken(page: Path, link: str) -> str:
    """Say what is wrong with a link; "" when it leads somewhere."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return "" if parts.scheme in {"https", "mailto"} else "neither https nor mailto"
    file = target(page, link)
    if not file.is_relative_to(ROOT) or not file.exists():
        return "no such file"
    if not parts.fragment:
        return ""
    anchors = {section.anchor for section in markdown.sections(file)} if file.is_file() else set()
    return "" if unquote(parts.fragment) in anchors else "no such heading"


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    found = {link: broken(page, link) for link in links(page)}
    assert {link: problem for link, problem in found.items() if problem} == {}


def test_every_page_of_the_documentation_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        targets = {target(page, link) for link in links(page) if not urlsplit(link).scheme}
        ahead += [each for each in targets - reached if each.suffix == ".md" and each.is_file()]
    documentation = {page for page in PAGES if page.parent == ROOT / "docs"}
    assert len(documentation) >= 5
    assert documentation - reached == set()


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("connect-okta.md", ""),
        ("connect-entra.md#groups", ""),
        ("connect-entra.fr.md#lindicateur-aadoptscim062020", ""),
        ("#connect-okta", ""),
        ("../tests/spec/clients", ""),
        ("https://www.rfc-editor.org/rfc/rfc7644", ""),
        ("http://www.rfc-editor.org/rfc/rfc7644", "neither https nor mailto"),
        ("connect-nobody.md", "no such file"),
        ("/README.md", "no such file"),
        ("../../README.md", "no such file"),
        ("connect-entra.md#nothing", "no such heading"),
        ("#groups", "no such heading"),
        ("../tests/spec/clients#a", "no such heading"),
    ],
)
def test_the_check_tells_good_links_from_bad_ones(link: str, problem: str) -> None:
    assert broken(ROOT / "docs" / "connect-okta.md", link) == problem


def test_anchors_are_those_of_github() -> None:
    titles = ["## 1. L'été, *et* `a_b`-c", "## Same", "## Same", "## A & B"]
    anchors = [section.anchor for section in markdown.read("\n\n".join(titles))]
    assert anchors == ["", "1-lété-et-a_b-c", "same", "same-1", "a--b"]
