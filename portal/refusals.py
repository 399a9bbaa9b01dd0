"""Refusals of pages, in the texts of the catalogue: what is wrong, and what to do next."""

from __future__ import annotations

from shared.errors import MethodNotAllowed, ScimError


class PageRefusal(Exception):  # noqa: N818 - an answer, as those of `shared.errors`
    """A page that is not shown.

    Attributes:
        status: HTTP status.
        key: of its texts, `refusal.<key>.title`, `.detail` and `.remedy`.
    """

    def __init__(self, status: int, key: str) -> None:
        super().__init__(key)
        self.status = status
        self.key = key


class SessionOver(PageRefusal):
    """There is no session, or it is over."""

    def __init__(self) -> None:
        super().__init__(401, "session_over")


class RightMissing(PageRefusal):
    """The setup link does not allow it."""

    def __init__(self) -> None:
        super().__init__(403, "right_missing")


_KEYS = {
    400: "not_understood",
    404: "not_found",
    405: "method",
    409: "conflict",
    413: "too_large",
    429: "too_many",
    501: "no_token_admin",
    503: "unavailable",
}


def refusal_of(error: ScimError) -> PageRefusal:
    """Write a refusal of the service as that of a page."""
    return PageRefusal(error.status, _KEYS.get(error.status, "fault"))


def headers_of(error: Exception) -> dict[str, str]:
    """Return the headers that go with a refusal."""
    headers: dict[str, str] = {}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allow)
    if isinstance(error, ScimError) and error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return headers
