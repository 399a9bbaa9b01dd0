"""What tokens look like in bodies, and on whose behalf they are managed."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt
from pydantic.json_schema import SkipJsonSchema

from shared.auth.secret_changes import Requester
from shared.auth.tenant_tokens import NewToken
from shared.auth.versions import SecretVersion, Standing, VersionState
from shared.clock import Clock, rfc3339
from shared.validation import WHOLE
from shared.web.requests import ScimRequest
from vendor_api.models import optional_moment, written_moment

_DAY = 86_400
_CLOCK = Clock()


ValidDays = Annotated[
    StrictInt,
    Field(
        alias="validDays",
        ge=1,
        le=3_650,
        description="For how many days the token is valid.",
        json_schema_extra={"default": 365},
    ),
    WHOLE,
]

TokenState = Literal["valid", "superseded", "notYet", "expired", "disabled", "closed"]
_STATES: dict[VersionState, TokenState] = {
    VersionState.VALID: "valid",
    VersionState.SUPERSEDED: "superseded",
    VersionState.NOT_YET: "notYet",
    VersionState.EXPIRED: "expired",
    VersionState.DISABLED: "disabled",
    VersionState.CLOSED: "closed",
}


class TokenDocument(BaseModel):
    """A token, without its value."""

    model_config = ConfigDict(extra="forbid")

    version: str = Field(description="Its id: 32 hex digits. The log shows the first 8.")
    state: TokenState = Field(
        description="`valid` opens the tenant; `superseded` has two newer ones before it; `notYet`"
        " begins later; `closed` would be valid, but the newest token is disabled, which closes the"
        " tenant."
    )
    created: str = Field(json_schema_extra={"format": "date-time"})
    not_before: str | SkipJsonSchema[None] = Field(
        None, alias="notBefore", json_schema_extra=optional_moment
    )
    expires: str | SkipJsonSchema[None] = Field(None, json_schema_extra=optional_moment)

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """Describe a version."""
        version = standing.version
        return cls(
            version=version.id,
            state=_STATES[standing.state],
            created=rfc3339(version.created),
            notBefore=written_moment(version.not_before),
            expires=written_moment(version.expires),
        )


class NewTokenDocument(BaseModel):
    """A token that was drawn, with its value, which is shown this once."""

    model_config = ConfigDict(extra="forbid")

    version: str = Field(description="Its id: 32 hex digits.")
    value: str = Field(description="The secret token itself.")
    expires: str | SkipJsonSchema[None] = Field(None, json_schema_extra=optional_moment)
    disabled: list[str] = Field(
        description="Versions that were disabled, because two newer ones are valid now."
    )

    @classmethod
    def of(cls, new: NewToken) -> Self:
        """Describe a token that was drawn."""
        version: SecretVersion = new.drawn.version
        return cls(
            version=version.id,
            value=new.drawn.token,
            expires=written_moment(version.expires),
            disabled=new.disabled,
        )


def expiry_of(valid_days: int) -> float:
    """Return when a token expires that is drawn now, in POSIX seconds."""
    return _CLOCK.wall() + valid_days * _DAY


def requester_of(request: ScimRequest) -> Requester:
    """Tell on whose behalf a request manages tokens."""
    context = request.context
    return Requester(context.actor, context.request_id, context.deadline)
