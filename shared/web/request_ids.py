"""What others call a request: the client's id of it, and the trace that it belongs to.

Both come from outside and go into the log, so only forms that can hold nothing else are taken.
"""

import re
from collections.abc import Mapping

import azure.functions as func

CLIENT_REQUEST_HEADERS = (
    "x-ms-client-request-id",
    "client-request-id",
    "x-request-id",
    "x-correlation-id",
)
"""Where clients put their id of a request; the first that holds a safe one counts."""

# A GUID, a ULID, hex or base64url: what is drawn by a machine has a digit in it, and no dot or @
# as names and addresses do.
_CLIENT_REQUEST = re.compile(r"(?=.*[0-9])[A-Za-z0-9_-]{8,64}")

# https://www.w3.org/TR/trace-context/#traceparent-header; ids of zeros only are invalid.
_TRACE_PARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def client_request(headers: Mapping[str, str]) -> str:
    """Return the client's id of a request; "" if it sent none, or none that is safe to log.

    Args:
        headers: under lower-case names.
    """
    sent = (headers.get(name, "").strip() for name in CLIENT_REQUEST_HEADERS)
    return next((value for value in sent if _CLIENT_REQUEST.fullmatch(value)), "")


def trace_parent(context: func.Context, headers: Mapping[str, str]) -> str:
    """Return the `traceparent` that caused a request; "" without a valid one.

    The host's word goes first: its span is the one that Application Insights shows as the request,
    and it has already continued the trace of the client.
    """
    candidates = (context.trace_context.trace_parent or "", headers.get("traceparent", "").strip())
    return next((each for each in candidates if _TRACE_PARENT.fullmatch(each)), "")
