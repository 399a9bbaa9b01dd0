"""What the service refuses, as exceptions. None of them is a decision about access."""

import httpx


class ServiceError(Exception):
    """The service did not do what was asked.

    Attributes:
        status: of HTTP; 0 where there was no answer.
        type: of the problem, as `/problems/forbidden`; of a SCIM error its `scimType`; "" if none.
        detail: for people.
        request_id: names the request in the log of the service; "" if it has none.
        retry_after: seconds after which to ask again, where the service says so.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        problem: str = "",
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status}: {detail}" if status else detail)
        self.status = status
        self.type = problem
        self.detail = detail
        self.request_id = request_id
        self.retry_after = retry_after


class InvalidRequestError(ServiceError):
    """400: a parameter is not understood, a cursor is not one of this feed or list."""


class UnauthorizedError(ServiceError):
    """401: no API key that is valid."""


class ForbiddenError(ServiceError):
    """403: the API key has not the scope, or the tenant is none of its own."""


class NotFoundError(ServiceError):
    """404: no such tenant or resource."""


class CursorExpiredError(ServiceError):
    """410: changes behind the cursor are no longer kept; resynchronise."""


class RateLimitedError(ServiceError):
    """429, after all attempts: too many requests."""


class UnavailableError(ServiceError):
    """5xx or no answer, after all attempts."""


_BY_STATUS: dict[int, type[ServiceError]] = {
    400: InvalidRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    410: CursorExpiredError,
    429: RateLimitedError,
}


def error_of(response: httpx.Response, retry_after: float | None) -> ServiceError:
    """Make an exception of a refusal: a problem document, a SCIM error, or what a proxy says."""
    status = response.status_code
    kind = _BY_STATUS.get(status, UnavailableError if status >= 500 else ServiceError)
    try:
        body = response.json()
    except ValueError:
        body = None
    problem = body if isinstance(body, dict) else {}
    return kind(
        status,
        str(problem.get("detail") or problem.get("title") or response.reason_phrase),
        problem=str(problem.get("type") or problem.get("scimType") or ""),
        request_id=response.headers.get("request-id", ""),
        retry_after=retry_after,
    )
