"""The appearance of the pages, by the settings: the product's name, its colour, its logo."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from portal.colours import sheet_of
from portal.static_files import serve_file
from shared.errors import Unavailable

if TYPE_CHECKING:
    from shared.settings import Settings

MOST_LOGO_BYTES: Final = 100_000

_APP: Final = Path(__file__).resolve().parents[1]
_SETTING: Final = "SCIM_PORTAL_LOGO"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Appearance:
    """How the pages look.

    Attributes:
        product: what they call the product; "" for their own word.
        sheet: path of the style sheet with the colour; "" without one.
        logo: path of the logo; "" without one.
    """

    product: str = ""
    sheet: str = ""
    logo: str = ""


def appearance_of(settings: Settings) -> Appearance:
    """Return how the pages look; files are read once a process.

    Raises:
        Unavailable: the logo cannot be used. The log says why.
    """
    try:
        return _appearance(
            settings.portal_product or "", settings.portal_colour or "", settings.portal_logo or ""
        )
    except ValueError as error:
        _log.error("setting refused: %s %s", _SETTING, error)
        raise Unavailable("The portal is not configured.", retry_after=60) from None


@lru_cache(maxsize=8)
def _appearance(product: str, colour: str, logo: str) -> Appearance:
    sheet = serve_file("colour", ".css", sheet_of(colour).encode()) if colour else ""
    return Appearance(product, sheet, _serve_logo(logo) if logo else "")


def _serve_logo(name: str) -> str:
    """Have the logo served.

    Raises:
        ValueError: it is no picture that is served; the text says what to put.
    """
    path = (_APP / name).resolve()
    if not path.is_relative_to(_APP):
        raise ValueError("should name a file in the folder of the app; put one like logo.png")
    try:
        content = path.read_bytes() if path.stat().st_size <= MOST_LOGO_BYTES else b""
    except OSError:
        raise ValueError(
            "names no file of the app; put it into the package, or no setting"
        ) from None
    suffix = picture_type(content)
    if suffix is None:
        raise ValueError(
            f"should name a PNG, JPEG or WebP picture of up to {MOST_LOGO_BYTES:,} bytes, by what"
            " it holds and not by its name"
        )
    return serve_file("logo", suffix, content)


def picture_type(content: bytes) -> str | None:
    """Tell by its first bytes of which type a picture is; None if it is none that is served."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return ".png"
    if content.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    return ".webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None
