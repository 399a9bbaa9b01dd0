"""Test Connection: what Entra does when its administrator tests, done against the same endpoint.

The request goes the way of every request, through the endpoint of users: the token is read, looked
up and compared, the rate limit is asked, the storage is read. It does not leave the process, so it
does not show whether the address can be reached from outside.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote, urlsplit

import azure.functions as func

from scim_users.handlers import USERS
from shared import api_keys, clients, tenants
from shared.errors import InvalidClient, Unavailable
from shared.oauth.credentials import SecretPresented
from shared.telemetry.request_record import RequestRecord
from shared.web.respond import authenticated, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.visit import Visit
    from shared.web.responses import ScimResponse

StepOutcome = Literal["passed", "failed", "warned"]

_USERS: Final = authenticated(USERS.collection)
_OWN_MACHINE: Final = ("localhost", "127.0.0.1", "[::1]", "::1")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the test.

    Attributes:
        key: of its texts, `test.<key>.title`, `.detail` and `.remedy`.
        outcome: what came of it.
    """

    key: str
    outcome: StepOutcome


@dataclass(frozen=True, slots=True)
class ConnectionTest:
    """A test that was made.

    Attributes:
        steps: in order.
        status: HTTP status of the answer; None where nothing was sent.
    """

    steps: list[Step]
    status: int | None = None

    @property
    def has_passed(self) -> bool:
        """Whether the identity provider would connect."""
        return all(step.outcome != "failed" for step in self.steps)


async def run_test(visit: Visit, form: Mapping[str, str]) -> ConnectionTest:
    """Test the token of a form as Entra does: ask for a user who cannot be there."""
    token = form.get("token", "")
    steps = [_address(visit.tenant_url), _form_of(token)]
    if steps[-1].outcome == "failed":
        return ConnectionTest(steps)
    return await _test_token(visit, steps, token.strip())


async def run_client_test(visit: Visit, form: Mapping[str, str]) -> ConnectionTest:
    """Test the client secret of a form: get an access token by it, and test that as a token."""
    secret = form.get("secret", "").strip()
    steps = [_address(visit.tenant_url), _form_of_secret(secret)]
    if steps[-1].outcome == "failed":
        return ConnectionTest(steps)
    tenant, presented = (
        visit.entered.context.tenant,
        SecretPresented(form.get("client", ""), secret),
    )
    server = visit.services.authorization_server
    try:
        issued = await server.issue(tenant, visit.tenant_url, presented, _never_used)
    except InvalidClient:
        return ConnectionTest([*steps, Step("unknown_client", "failed")], InvalidClient.status)
    except Unavailable:
        return ConnectionTest([*steps, Step("no_access_token", "failed")], Unavailable.status)
    return await _test_token(visit, [*steps, Step("access_token", "passed")], issued.text)


async def _never_used(*_: object) -> bool:
    """Note nothing: a secret is no assertion, which could be used once."""
    return True


async def _test_token(visit: Visit, steps: list[Step], token: str) -> ConnectionTest:
    response = await _ask_for_nobody(visit, token)
    steps = [*steps, _answer(response.status)]
    if response.status == 200:
        total = (response.body or {}).get("totalResults")
        steps.append(Step("list", "passed" if total == 0 else "failed"))
    return ConnectionTest(steps, response.status)


def _address(tenant_url: str) -> Step:
    """Judge the address, which is ours, by whether an identity provider can reach it."""
    parts = urlsplit(tenant_url)
    if parts.hostname in _OWN_MACHINE:
        return Step("own_machine", "warned")
    return Step("address", "passed") if parts.scheme == "https" else Step("plain_http", "warned")


def _form_of(token: str) -> Step:
    text = token.strip()
    if not text:
        return Step("no_token", "failed")
    if text.lower().startswith("bearer "):
        return Step("scheme_in_token", "failed")
    if api_keys.is_key(text):
        return Step("api_key", "failed")
    if not tenants.TOKEN.fullmatch(text):
        return Step("no_such_form", "failed")
    return Step("trimmed", "warned") if text != token else Step("form", "passed")


def _form_of_secret(secret: str) -> Step:
    if not secret:
        return Step("no_secret", "failed")
    is_secret = clients.is_secret(secret)
    return Step("secret_form", "passed") if is_secret else Step("no_secret_form", "failed")


async def _ask_for_nobody(visit: Visit, token: str) -> ScimResponse:
    tenant = visit.entered.context.tenant
    query = quote(f'userName eq "{uuid.uuid4()}"')
    in_path = {} if tenant == tenants.DEFAULT else {"tenant": tenant}
    req = func.HttpRequest(
        method="GET",
        url=f"{visit.tenant_url}/Users?filter={query}",
        headers={"authorization": f"Bearer {token}", "accept": "application/scim+json"},
        params={},
        route_params=in_path,
        body=b"",
    )
    record = RequestRecord(f"{visit.record.request_id}-test", "GET", "scim/v2/Users")
    return await run(_USERS(req, record), record)


def _answer(status: int) -> Step:
    keys = {200: "answer", 401: "unauthorized", 429: "rate_limited", 503: "unavailable"}
    return Step(keys.get(status, "unexpected"), "passed" if status == 200 else "failed")
