"""The request for an access token (RFC 6749 section 4.4.2): a form, and perhaps a header."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from shared.errors import (
    InvalidClient,
    InvalidScope,
    InvalidTarget,
    InvalidTokenRequest,
    PayloadTooLarge,
    UnsupportedGrantType,
)
from shared.oauth.access_tokens import SCOPE
from shared.oauth.credentials import AssertionPresented, ClientCredential, SecretPresented

MAX_FORM_BYTES = 16_384
MAX_PARAMETERS = 50
FORM = "application/x-www-form-urlencoded"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_OF_THE_FORM = frozenset(
    {
        "client_assertion",
        "client_assertion_type",
        "client_id",
        "client_secret",
        "grant_type",
        "resource",
        "scope",
    }
)
_BASIC = re.compile(r"basic +(?P<credentials>[A-Za-z0-9+/]+={0,2})", re.IGNORECASE)
_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request that is understood.

    Attributes:
        presented: By what the client is known.
        resource: What the token is asked for (RFC 8707); "" where nothing is said.
    """

    presented: ClientCredential
    resource: str


def parse_token_request(
    body: bytes, content_type: str | None, authorization: str | None
) -> TokenRequest:
    """Read a request for an access token.

    Args:
        body: Of the request.
        content_type: Of the body.
        authorization: The `Authorization` header, or None without one.

    Raises:
        PayloadTooLarge: The body is larger than a form needs to be.
        OAuthError: It is not understood, or asks for what there is not.
    """
    form = _form(body, content_type)
    grant_type = _required(form, "grant_type")
    if grant_type != "client_credentials":
        raise UnsupportedGrantType("The grant_type must be client_credentials.")
    scope = form.get("scope", "")
    if set(scope.split(" ")) - {SCOPE, ""}:
        raise InvalidScope(f"The only scope is {SCOPE}: ask for it, or for none.")
    return TokenRequest(_presented(form, authorization), form.get("resource", ""))


def check_url(url: str) -> None:
    """Refuse what a client has put into the URL, where logs of proxies keep secrets.

    It is not read there: credentials must not stand in it (RFC 6749 section 2.3.1).

    Raises:
        InvalidTokenRequest: A parameter of the form stands in it.
    """
    pairs = url.partition("?")[2].split("&")
    named = {unquote_plus(pair.partition("=")[0]) for pair in pairs}
    if named & _OF_THE_FORM:
        raise InvalidTokenRequest(
            "Parameters stand in the URL: send all of them in the form. A client secret that stood"
            " in a URL is to be replaced."
        )


def check_resource(request: TokenRequest, issuer: str) -> None:
    """Refuse a token for anything but the tenant.

    Raises:
        InvalidTarget: The request names another resource.
    """
    if request.resource.rstrip("/") not in {"", issuer}:
        raise InvalidTarget("The resource must be the Tenant URL of this token endpoint.")


def uses_header(authorization: str | None) -> bool:
    """Tell whether a client has tried to authenticate by the header."""
    return authorization is not None and authorization.strip() != ""


def _form(body: bytes, content_type: str | None) -> dict[str, str]:
    """Read the parameters; those without a value count as left out (section 3.2)."""
    if (content_type or "").partition(";")[0].strip().lower() != FORM:
        raise InvalidTokenRequest(f"Send the parameters as {FORM}.")
    if len(body) > MAX_FORM_BYTES:
        raise PayloadTooLarge(f"The body has more than {MAX_FORM_BYTES:,} bytes. Send less.")
    try:
        text = body.decode("ascii")
        if _BROKEN_PERCENT.search(text):
            raise ValueError  # noqa: TRY301 - as what cannot be decoded
        pairs = parse_qsl(text, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise InvalidTokenRequest("The body is no form that can be decoded.") from None
    form = dict(pairs)
    if len(form) < len(pairs):
        raise InvalidTokenRequest("A parameter is there twice: send each once.")
    return form


def _presented(form: Mapping[str, str], authorization: str | None) -> ClientCredential:
    """Read by what the client is known: one way, or the same secret in both places.

    To send it twice is against RFC 6749 section 2.3. Entra does so where "Both" is chosen.
    """
    assertion = _assertion(form)
    in_header = _in_header(authorization) if uses_header(authorization) else None
    in_body = _in_body(form)
    if assertion is not None:
        if in_header is not None or "client_secret" in form:
            raise InvalidTokenRequest("Send a client secret or an assertion, and not both.")
        return assertion
    if in_header is not None and in_body is not None and in_header != in_body:
        raise InvalidTokenRequest("Header and body name different clients or secrets: send one.")
    if in_header is not None and form.get("client_id", in_header.client_id) != in_header.client_id:
        raise InvalidTokenRequest("Header and body name different clients: send one.")
    presented = in_header or in_body
    if presented is None:
        raise InvalidClient(
            "No client authenticates: send client_id and client_secret in the form, or in the"
            " header Authorization: Basic, or a client_assertion."
        )
    return presented


def _assertion(form: Mapping[str, str]) -> AssertionPresented | None:
    if "client_assertion" not in form and "client_assertion_type" not in form:
        return None
    if _required(form, "client_assertion_type") != JWT_BEARER:
        raise InvalidTokenRequest(f"The client_assertion_type must be {JWT_BEARER}.")
    return AssertionPresented(form.get("client_id"), _required(form, "client_assertion"))


def _in_body(form: Mapping[str, str]) -> SecretPresented | None:
    if "client_secret" not in form:
        return None
    return SecretPresented(_required(form, "client_id"), form["client_secret"])


def _in_header(authorization: str | None) -> SecretPresented:
    """Read `Authorization: Basic`, whose parts are form-encoded (section 2.3.1).

    Raises:
        InvalidClient: It is none.
    """
    found = _BASIC.fullmatch((authorization or "").strip())
    try:
        pair = base64.b64decode(found["credentials"] if found else "", validate=True).decode()
    except (binascii.Error, ValueError):
        pair = ""
    client_id, separator, secret = pair.partition(":")
    if not separator:
        raise InvalidClient("The Authorization header is no Basic <client id>:<client secret>.")
    return SecretPresented(unquote_plus(client_id), unquote_plus(secret))


def _required(form: Mapping[str, str], name: str) -> str:
    if name not in form:
        raise InvalidTokenRequest(f"The parameter {name} is missing.")
    return form[name]
