"""The logo: a picture of the app, and nothing that could run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal import appearance
from portal.appearance import MOST_LOGO_BYTES, appearance_of
from portal.static_files import find_file
from shared.errors import Unavailable
from shared.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


@pytest.fixture(autouse=True)
def app_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    monkeypatch.setattr(appearance, "_APP", folder)
    appearance._appearance.cache_clear()
    return folder


def settings(**values: str) -> Settings:
    named = {f"SCIM_PORTAL_{name.upper()}": value for name, value in values.items()}
    return Settings.from_environment({"AZURE_FUNCTIONS_ENVIRONMENT": "Development", **named})


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
    ],
)
def test_a_picture_is_served_as_what_it_is(
    app_folder: Path, content: bytes, media_type: str
) -> None:
    (app_folder / "logo.png").write_bytes(content)
    shown = appearance_of(settings(logo="logo.png", product="Contoso", colour="#00AA00"))
    file = find_file(shown.logo.rpartition("/")[2])
    assert file is not None
    assert (file.content, file.media_type, shown.product) == (content, media_type, "Contoso")
    assert find_file(shown.sheet.rpartition("/")[2]) is not None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("logo.png", SVG),
        ("logo.png", b""),
        ("logo.png", PNG + b"x" * MOST_LOGO_BYTES),
        ("../logo.png", PNG),
        ("nothing/logo.png", None),
    ],
    ids=["svg", "empty", "too-large", "elsewhere", "missing"],
)
def test_what_is_no_logo_closes_the_portal_and_says_why(
    app_folder: Path, caplog: pytest.LogCaptureFixture, name: str, content: bytes | None
) -> None:
    if content is not None:
        (app_folder / name).write_bytes(content)
    with pytest.raises(Unavailable):
        appearance_of(settings(logo=name))
    assert "setting refused: SCIM_PORTAL_LOGO" in caplog.text


def test_svg_is_refused_with_the_settings() -> None:
    with pytest.raises(SettingsError, match="SVG can hold scripts"):
        settings(logo="logo.svg")


@pytest.mark.parametrize("name", ["x" * 61, "a\nb"])
def test_a_name_of_a_product_is_one_line(name: str) -> None:
    with pytest.raises(SettingsError, match="SCIM_PORTAL_PRODUCT"):
        settings(product=name)
