"""The state of the service: plain JSON, since it is no SCIM message; refusals are SCIM errors."""

from typing import Any

import azure.functions as func

from shared.telemetry.request_record import RequestRecord
from shared.web import services
from shared.web.callers import with_token
from shared.web.readiness import Check
from shared.web.respond import authenticate, method_not_allowed
from shared.web.responses import ScimResponse

_METHODS = ("GET", "HEAD")
_RETRY_AFTER = "5"


async def alive(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
    """GET /healthz: the process serves requests. Nothing is read, no token and no setting."""
    del req
    _refuse_other_methods(record)
    return _respond(200, {"status": "ok"})


async def ready(req: func.HttpRequest, record: RequestRecord) -> ScimResponse:
    """GET /readyz: whether the vault and the table answer, and how fast; 503 if one does not.

    Once in the life of an instance the table must take writes too. It takes the token of the tenant
    `default`, and nothing of its rate limit.
    """
    process = services.current()
    request = await authenticate(req, process, record, with_token)
    # A monitor is no identity provider: a tenant that is silent stays so in the log.
    record.tenant = ""
    _refuse_other_methods(record)
    report = await process.readiness.report(
        process.authenticator, process.store.table, request.context
    )
    checks = {"vault": _check(report.vault), "table": _check(report.table)}
    if report.is_ready:
        return _respond(200, {"status": "ready", "checks": checks})
    unready = {"status": "unavailable", "checks": checks}
    return _respond(503, unready, **{"Retry-After": _RETRY_AFTER})


def _refuse_other_methods(record: RequestRecord) -> None:
    if record.method not in _METHODS:
        raise method_not_allowed(record.method, _METHODS)


def _check(check: Check) -> dict[str, str | float]:
    shown: dict[str, str | float] = {"state": check.state, "ms": check.ms}
    if check.diagnosis is not None:
        shown |= {"cause": check.diagnosis.refusal, "detail": check.diagnosis.detail}
    return shown


def _respond(status: int, body: dict[str, Any], **headers: str) -> ScimResponse:
    fresh = {"Cache-Control": "no-store", **headers}
    return ScimResponse(status, body, fresh, media_type="application/json")
