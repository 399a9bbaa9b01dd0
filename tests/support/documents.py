"""Documents of users and groups as the store is given them, and changes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def user(name: str, **attributes: Any) -> dict[str, Any]:
    return {"userName": name, "active": True, **attributes}


def group(name: str, **attributes: Any) -> dict[str, Any]:
    return {"displayName": name, **attributes}


def setting(**attributes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A change that sets attributes."""
    return lambda document: {**document, **attributes}
