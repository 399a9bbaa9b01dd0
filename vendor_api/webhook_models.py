"""What webhook endpoints and their secrets look like in bodies."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt
from pydantic.json_schema import SkipJsonSchema

from shared.store.webhook_endpoints import EndpointState, WebhookEndpoint
from shared.validation import WHOLE
from vendor_api.models import optional, optional_moment
from vendor_api.token_models import TokenDocument

DEFAULT_OVERLAP, MOST_OVERLAP = 24, 720


class WebhookDocument(BaseModel):
    """A webhook endpoint, without its secret."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="32 hex digits.")
    url: str
    description: str | SkipJsonSchema[None] = Field(None, json_schema_extra=optional)
    tenants: list[str] | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="Left out: all tenants."
    )
    types: list[str] | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="Left out: events of all types."
    )
    state: EndpointState = Field(
        description="`enabled` is sent events. `paused` was stopped by somebody; `disabled` by the"
        " service, for the `reason`."
    )
    reason: str | SkipJsonSchema[None] = Field(
        None, json_schema_extra=optional, description="Why the service has disabled it."
    )
    created: str = Field(json_schema_extra={"format": "date-time"})
    modified: str = Field(json_schema_extra={"format": "date-time"})

    @classmethod
    def of(cls, endpoint: WebhookEndpoint) -> Self:
        """Describe an endpoint."""
        return cls(**endpoint.told())


class NewWebhookDocument(WebhookDocument):
    """A webhook endpoint that was created, with its secret, which is shown this once."""

    secret: str = Field(
        description="What verifies the webhooks: `whsec_` and base64, as Standard Webhooks has it."
    )

    @classmethod
    def with_secret(cls, endpoint: WebhookEndpoint, secret: str) -> Self:
        """Describe an endpoint whose secret was just drawn."""
        return cls(**endpoint.told(), secret=secret)


class WebhookList(BaseModel):
    """The webhook endpoints that the API key may see, the oldest first."""

    model_config = ConfigDict(extra="forbid")

    webhooks: list[WebhookDocument]


class RotationWanted(BaseModel):
    """A secret to be drawn beside the present one."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: Annotated[StrictInt, Field(ge=0, le=MOST_OVERLAP), WHOLE] = Field(
        DEFAULT_OVERLAP,
        alias="overlapHours",
        description="For how long the present secret signs beside the new one. 0 ends it at once,"
        " for one that has leaked.",
    )


class NewSecretDocument(BaseModel):
    """A secret that was drawn, with its value, which is shown this once."""

    model_config = ConfigDict(extra="forbid")

    version: str = Field(description="Its id: 32 hex digits.")
    secret: str = Field(description="The secret itself.")
    previous_until: str | SkipJsonSchema[None] = Field(
        None,
        alias="previousUntil",
        json_schema_extra=optional_moment,
        description="Until when webhooks are signed with the secret before it as well.",
    )
    disabled: list[str] = Field(
        description="Versions that were disabled, because two newer ones are valid now."
    )


class SecretList(BaseModel):
    """The secrets of an endpoint, the newest first, never a value."""

    model_config = ConfigDict(extra="forbid")

    secrets: list[TokenDocument] = Field(description="`valid` signs; two at most are.")
