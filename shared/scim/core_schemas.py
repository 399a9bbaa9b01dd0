"""The schemas of this service as data: User, its enterprise extension, and Group (RFC 7643)."""

from __future__ import annotations

from typing import Any

from shared.scim.schema import Attribute, ResourceType, Schema

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_USER_SCHEMA = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ROLES_SCHEMA = "urn:ietf:params:scim:schemas:extension:scim-on-functions:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"


def _primary(*, published: bool = True) -> Attribute:
    return Attribute(
        "primary",
        "boolean",
        description="Whether this is the preferred value; true for at most one.",
        published=published,
    )


def _plural(
    name: str,
    description: str,
    types: tuple[str, ...],
    *,
    value: Attribute | None = None,
    display: Attribute | None = None,
    **characteristics: Any,
) -> Attribute:
    """Describe a multi-valued attribute with the usual parts (RFC 7643 section 2.4).

    Entra learns from the `type` and its canonical values which filtered paths, such as
    `emails[type eq "work"].value`, can be mapped.
    """
    return Attribute(
        name,
        "complex",
        multi_valued=True,
        description=description,
        sub_attributes=(
            value or Attribute("value", description="The value itself."),
            display or Attribute("display", description="A name of the value to show to people."),
            Attribute("type", description="What the value is used for.", canonical_values=types),
            _primary(),
        ),
        labels=frozenset({"display", "type", "primary"}),
        **characteristics,
    )


_NAME = Attribute(
    "name",
    "complex",
    description="The parts of the user's name.",
    sub_attributes=(
        Attribute("formatted", description="The full name, ready to be shown."),
        Attribute("familyName", description="Family name, or last name."),
        Attribute("givenName", description="Given name, or first name."),
        Attribute("middleName", description="Middle names."),
        Attribute("honorificPrefix", description="Title before the name, such as Ms."),
        Attribute("honorificSuffix", description="Suffix after the name, such as III."),
    ),
)

_ADDRESSES = Attribute(
    "addresses",
    "complex",
    multi_valued=True,
    description="Physical mailing addresses.",
    labels=frozenset({"type", "primary"}),
    sub_attributes=(
        Attribute("formatted", description="The full address, ready to be shown."),
        Attribute("streetAddress", description="Street, house number and the like."),
        Attribute("locality", description="City or locality."),
        Attribute("region", description="State or region."),
        Attribute("postalCode", description="Postal code."),
        Attribute("country", description="Country."),
        Attribute(
            "type",
            description="What the address is used for.",
            canonical_values=("work", "home", "other"),
        ),
        # The schema of RFC 7643 section 8.7.1 has no such part, but Entra sends it.
        _primary(published=False),
    ),
)

_GROUPS = Attribute(
    "groups",
    "complex",
    multi_valued=True,
    mutability="readOnly",
    stored=False,
    description="The groups that the user is a member of.",
    sub_attributes=(
        Attribute("value", mutability="readOnly", description="Identifier of the group."),
        Attribute(
            "$ref",
            "reference",
            case_exact=True,
            mutability="readOnly",
            reference_types=("Group",),
            description="URI of the group.",
        ),
        Attribute(
            "display", mutability="readOnly", returned="request", description="Name of the group."
        ),
        Attribute(
            "type",
            mutability="readOnly",
            canonical_values=("direct", "indirect"),
            description="Whether the user is a member itself, or a group that it is in.",
        ),
    ),
)


def external_id() -> Attribute:
    """Describe the identifier that a client gives (RFC 7643 section 3.1), the same in all types."""
    return Attribute(
        "externalId",
        case_exact=True,
        description="Identifier that the client has given to the resource.",
    )


_USER = Schema(
    id=USER_SCHEMA,
    name="User",
    description="User account",
    attributes=(
        Attribute(
            "userName",
            required=True,
            uniqueness="server",
            description="Name by which the user signs in; letter case makes no difference.",
        ),
        external_id(),
        _NAME,
        Attribute("displayName", description="Name of the user to show to people."),
        Attribute("nickName", description="What the user is casually called."),
        Attribute(
            "profileUrl",
            "reference",
            case_exact=True,
            reference_types=("external",),
            description="URL of the user's online profile.",
        ),
        Attribute("title", description="Job title."),
        Attribute("userType", description="Relation to the organization, such as Employee."),
        Attribute("preferredLanguage", description="Languages that the user prefers."),
        Attribute("locale", description="Locale for dates, numbers and currency."),
        Attribute("timezone", description="Time zone."),
        Attribute(
            "active",
            "boolean",
            default=True,
            description="Whether the user may use the service.",
        ),
        Attribute(
            "password",
            case_exact=True,
            mutability="writeOnly",
            returned="never",
            # Entra's validators report what is never returned as missing.
            published=False,
            stored=False,
            description="Accepted from clients that send one, and kept nowhere.",
        ),
        _plural(
            "emails",
            "E-mail addresses.",
            ("work", "home", "other"),
            # sourcegraph#62185: Entra's validator stops at `emails.display` in /Schemas.
            display=Attribute(
                "display", description="A name of the address to show.", published=False
            ),
        ),
        _plural(
            "phoneNumbers",
            "Phone numbers, as the client has written them.",
            ("work", "home", "mobile", "fax", "pager", "other"),
        ),
        _plural(
            "ims",
            "Instant messaging addresses.",
            ("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
        ),
        _plural(
            "photos",
            "URLs of photos of the user.",
            ("photo", "thumbnail"),
            value=Attribute(
                "value",
                "reference",
                case_exact=True,
                reference_types=("external",),
                description="URL of the photo.",
            ),
        ),
        _ADDRESSES,
        _GROUPS,
        _plural("entitlements", "Things that the user is entitled to.", ("license", "permission")),
        _plural(
            "roles",
            "Roles of the user, such as Admin.",
            ("WindowsAzureActiveDirectoryRole",),
            display=Attribute(
                "display",
                description="Name of the role to show to people.",
                # Entra calls it so when it sends several roles (AppRoleAssignmentsComplex).
                also_called=("displayName",),
            ),
        ),
        _plural(
            "x509Certificates",
            "Certificates of the user.",
            ("work", "other"),
            value=Attribute(
                "value",
                "binary",
                case_exact=True,
                description="The certificate: DER in base64.",
            ),
        ),
    ),
)

ENTERPRISE_USER = Schema(
    id=ENTERPRISE_USER_SCHEMA,
    name="EnterpriseUser",
    description="Enterprise user",
    attributes=(
        Attribute("employeeNumber", description="Number that the organization has given."),
        Attribute("costCenter", description="Cost center."),
        Attribute("organization", description="Organization."),
        Attribute("division", description="Division."),
        Attribute("department", description="Department."),
        Attribute(
            "manager",
            "complex",
            description="The user's manager.",
            sub_attributes=(
                Attribute("value", description="Identifier of the manager's user."),
                Attribute(
                    "$ref",
                    "reference",
                    case_exact=True,
                    reference_types=("User",),
                    description="URI of the manager's user.",
                ),
                Attribute("displayName", mutability="readOnly", description="Name of the manager."),
            ),
        ),
    ),
)

MEMBERS = Attribute(
    "members",
    "complex",
    multi_valued=True,
    stored=False,
    description="The users and groups in the group.",
    sub_attributes=(
        Attribute(
            "value", mutability="immutable", description="Identifier of the user or the group."
        ),
        Attribute(
            "$ref",
            "reference",
            case_exact=True,
            mutability="immutable",
            reference_types=("User", "Group"),
            description="URI of the user or the group.",
        ),
        Attribute(
            "type",
            mutability="immutable",
            canonical_values=("User", "Group"),
            description="What the member is.",
        ),
        Attribute(
            "display",
            mutability="readOnly",
            returned="request",
            description="Name of the member. Accepted from clients that send it, and not kept.",
        ),
    ),
)

_GROUP = Schema(
    id=GROUP_SCHEMA,
    name="Group",
    description="Group of users and groups",
    attributes=(
        Attribute(
            "displayName",
            required=True,
            uniqueness="server",
            description="Name of the group; letter case makes no difference.",
        ),
        external_id(),
        MEMBERS,
    ),
)

USER_ROLES = Schema(
    id=ROLES_SCHEMA,
    name="ProductUser",
    description="Roles come from the role map of the tenant, by the groups of the user",
    attributes=(
        Attribute(
            "roles",
            multi_valued=True,
            description="Roles in the product, by priority, then by name.",
            case_exact=True,
            mutability="readOnly",
            stored=False,
        ),
    ),
)
"""An extension of users for those who read with an API key; it is computed, and kept nowhere."""

USER = ResourceType(
    name="User",
    endpoint="/Users",
    description="User account",
    schema=_USER,
    extensions=(ENTERPRISE_USER,),
    computed=(USER_ROLES,),
)

GROUP = ResourceType(
    name="Group", endpoint="/Groups", description="Group of users and groups", schema=_GROUP
)
