"""`explain`: why a user is not there, in words and as data."""

import time

from pydantic import BaseModel, ConfigDict, Field

from shared.api_keys import Scope
from shared.errors import InvalidValue
from shared.explain.english import ENGLISH
from shared.explain.evidence import MOST_CALLS, gather, read_access
from shared.explain.reasoning import explain
from shared.explain.statements import Finding, Verdict
from shared.explain.text_catalogue import answer_of, remedy_of, text_of, ticket_of
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.services import Services
from vendor_api.operations import ApiEndpoint, Operation, of_model

_MOST_ASKED = 1_024


class ExplanationQuery(BaseModel):
    """Who is missed."""

    user: str = Field(
        alias="user",
        min_length=1,
        max_length=_MOST_ASKED,
        description="An id, userName, externalId or e-mail address; looked for in this order.",
    )


class ExplanationFinding(BaseModel):
    """Something that the answer rests on."""

    model_config = ConfigDict(extra="forbid")

    code: Finding = Field(description="What was found, for programs.")
    parameters: dict[str, str | int] = Field(
        description="What the text says in its places: ids, names, times (RFC 3339, UTC), numbers."
    )
    text: str = Field(description="The same in English.")


class UserExplanation(BaseModel):
    """Why a user is not there."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict = Field(description="Why, for programs.")
    answer: str = Field(description="The same in English.")
    remedy: str = Field(description="What to do next, in English.")
    findings: list[ExplanationFinding] = Field(
        description="What the verdict rests on, always in the same order."
    )
    requests: list[str] = Field(
        description="`Request-Id`s of the requests that the findings speak of, the newest first."
    )
    ticket: str = Field(description="All of it as text, to be pasted into a ticket. No secrets.")


async def explain_user(request: ScimRequest, services: Services) -> ScimResponse:
    """GET of an answer. Some 14 calls for a tenant with few rows, 35 at most."""
    asked = request.query.get("user", "")
    if not 0 < len(asked) <= _MOST_ASKED:
        raise InvalidValue(
            "Send as user an id, userName, externalId or e-mail address of at most"
            f" {_MOST_ASKED:,} characters.",
            path="user",
        )
    context = request.context
    access = await read_access(services.tenant_tokens, context.tenant)
    evidence = await gather(services.store, context, asked, int(time.time() * 1_000), access)
    wrong = services.refused_tokens.of(context.tenant)
    evidence.wrong_tokens = None if wrong is None else (wrong.number, wrong.last)
    found = explain(evidence)
    answer = UserExplanation(
        verdict=found.verdict,
        answer=answer_of(found, ENGLISH),
        remedy=remedy_of(found, ENGLISH),
        findings=[
            ExplanationFinding(
                code=each.code, parameters=dict(each.parameters), text=text_of(each, ENGLISH)
            )
            for each in found.findings
        ],
        requests=list(found.requests),
        ticket=ticket_of(found, ENGLISH),
    )
    return of_model(200, answer)


EXPLAIN = ApiEndpoint(
    Scope.IDENTITIES_READ,
    {
        "GET": Operation(
            summary="Explain why a user is not there",
            description="Joins the user, the changes, the provisioning log, the last contact of the"
            " identity provider and the state of its token, within bounds that the answer names."
            f" For people who look into a case: it takes up to {MOST_CALLS} reads of storage.",
            query=ExplanationQuery,
            answer=UserExplanation,
            refusals=(InvalidValue,),
            handler=explain_user,
        )
    },
)
