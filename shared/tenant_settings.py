"""The settings of a tenant: what is decided for this customer, before what the deployment says."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
)
from pydantic import model_validator as validating

from shared.errors import InvalidSyntax, InvalidValue
from shared.roles import MAX_ENTRIES, RoleEntry, check_consistent, left_out
from shared.validation import read_model

ROLE_MAP, GUARD_SETTING = "roleMap", "guard"
MIN_RATE, MAX_RATE = 25, 10_000
MOST_GUARDED = 1_000
"""The greatest number of users that the guard lets pass without a look: each is remembered."""

MOST_HOURS = 720

GROUP_NAMES = "groupNames"

GroupNames = Literal["unique", "repeat"]
"""Whether the displayName of a group is its own."""

Profile = Literal["tolerant", "interop"]
"""How strictly an identity provider is read."""


def _few(value: Any) -> Any:
    """Refuse too many entries before any is looked at."""
    if isinstance(value, Sequence) and len(value) > MAX_ENTRIES:
        raise ValueError(f"has {len(value):,} entries; send at most {MAX_ENTRIES:,}")
    return value


class GuardSettings(BaseModel):
    """When so many users are removed that somebody should look, and whether the product waits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: Annotated[StrictInt, Field(ge=1, le=MOST_GUARDED)] = Field(
        10,
        description="More users than these disabled, deleted or taken out of one group within an"
        " hour, and",
    )
    percent: Annotated[StrictInt, Field(ge=0, le=100)] = Field(
        10, description="more than this part of the active users, are a mass removal."
    )
    hold: StrictBool = Field(
        default=False,
        description="Whether the events of a mass removal are held back until somebody decides."
        " Otherwise it is an alert alone.",
    )
    release_after_hours: Annotated[StrictInt, Field(ge=1, le=MOST_HOURS)] | None = Field(
        None,
        alias="releaseAfterHours",
        json_schema_extra=left_out,
        description="After how many hours what is held is released by itself. Not set: never.",
    )

    @validating(mode="after")
    def _release_what_is_held(self) -> Self:
        if self.release_after_hours is not None and not self.hold:
            raise ValueError(
                "has releaseAfterHours without hold; set hold to true, or send releaseAfterHours as"
                " null as well"
            )
        return self


class TenantSettings(BaseModel):
    """What is set of a tenant. What is not set is as the deployment says; null unsets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role_map: (
        Annotated[
            tuple[RoleEntry, ...],
            Field(max_length=MAX_ENTRIES),
            BeforeValidator(_few),
            AfterValidator(check_consistent),
        ]
        | None
    ) = Field(
        None,
        alias=ROLE_MAP,
        json_schema_extra=left_out,
        description="Which groups give which roles of the product. Not set: nobody has roles, and"
        " `roles` stands nowhere.",
    )
    requests_per_second: Annotated[StrictInt, Field(ge=MIN_RATE, le=MAX_RATE)] | None = Field(
        None,
        alias="requestsPerSecond",
        json_schema_extra=left_out,
        description="How many requests a second each instance serves this tenant, and twice as many"
        " in a burst. Not set: `SCIM_REQUESTS_PER_SECOND`.",
    )
    unknown_members: Literal["skip", "reject"] | None = Field(
        None,
        alias="unknownMembers",
        json_schema_extra=left_out,
        description="What becomes of a request that names members who are neither users nor groups:"
        " `skip` leaves them out, `reject` refuses it. Not set: `SCIM_UNKNOWN_MEMBERS`.",
    )
    profile: Profile | None = Field(
        None,
        alias="profile",
        json_schema_extra=left_out,
        description="How strictly its identity provider is read. `interop` refuses what the SCIM"
        " interoperability profile wants refused: attributes and schemas that the service does not"
        " know, filters on them, bodies without `schemas`, values in place of objects, and PATCH"
        " operations without a path. Not set: `tolerant`, which Entra and Okta rely on.",
    )
    group_names: GroupNames | None = Field(
        None,
        alias=GROUP_NAMES,
        json_schema_extra=left_out,
        description="Whether two groups may have one displayName: `repeat`, for an identity"
        " provider that matches groups by externalId. It is for good. Not set: `unique`, and a"
        " displayName that is taken is answered 409.",
    )
    guard: GuardSettings | None = Field(
        None,
        alias=GUARD_SETTING,
        json_schema_extra=left_out,
        description="The guard against mass removal. Not set: an alert above 10 users and 10 % of"
        " the active users; nothing is held.",
    )

    @property
    def guard_rule(self) -> GuardSettings:
        """The rule of the guard that is in force: what is set, or else its defaults."""
        return self.guard or GuardSettings()

    @property
    def holds_removals(self) -> bool:
        """Whether the events of a mass removal are held back."""
        return self.guard is not None and self.guard.hold

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Read settings as they are kept; those of a later version are passed over."""
        known = {name: document[name] for name in NAMES if name in document}
        if isinstance(guard := known.get(GUARD_SETTING), dict):
            known[GUARD_SETTING] = {name: guard[name] for name in _OF_GUARD if name in guard}
        return cls.model_validate(known)

    def document(self) -> dict[str, Any]:
        """Write what is set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


NAMES = tuple(str(each.alias) for each in TenantSettings.model_fields.values())
"""The settings, as they are called outside."""

_OF_GUARD = tuple(each.alias or name for name, each in GuardSettings.model_fields.items())


def patched(kept: Mapping[str, Any], patch: Any) -> dict[str, Any]:
    """Change settings as they are kept by a JSON merge patch (RFC 7396): null unsets.

    Raises:
        InvalidSyntax: the patch is not an object.
        InvalidValue: it names what is no setting, a value is not one that the setting can have, or
            it takes back what is for good.
    """
    if not isinstance(patch, dict):
        raise InvalidSyntax(
            "The body is not a JSON object. Send the settings that are to change, such as"
            ' {"requestsPerSecond": 100}.'
        )
    unknown = next((name for name in patch if name not in NAMES), None)
    if unknown is not None:
        raise InvalidValue(
            f"{json.dumps(unknown[:64])} is no setting of a tenant. The settings are "
            f"{', '.join(NAMES)}.",
            path=unknown[:64],
        )
    if kept.get(GROUP_NAMES) == "repeat" and patch.get(GROUP_NAMES, "repeat") != "repeat":
        raise InvalidValue(
            f"{GROUP_NAMES} is repeat, and stays so: there may be groups of one name. Leave it "
            "out.",
            path=GROUP_NAMES,
        )
    named = {name: value for name, value in patch.items() if value is not None}
    if isinstance(named.get(GUARD_SETTING), dict):
        named[GUARD_SETTING] = _merged(kept.get(GUARD_SETTING) or {}, named[GUARD_SETTING])
    sent = read_model(TenantSettings, named).document()
    return {name: value for name, value in kept.items() if name not in patch} | sent


def _merged(kept: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Merge an object of the settings into what is kept of it, whose members are no objects.

    Only what is known can be unset; of the rest null stays, to be refused with any other value.
    """
    merged = {**kept, **patch}
    return {
        name: value for name, value in merged.items() if value is not None or name not in _OF_GUARD
    }
