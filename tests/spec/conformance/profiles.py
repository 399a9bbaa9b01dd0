"""What profiles of SCIM ask of a service provider, in our words, and the tests that show it.

`docs/conformance.md` is made of it: `python -m tests.spec.conformance`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_RULES: Final = "spec/rfc/test_rfc7643_rules.py"
_CREATE: Final = "spec/rfc/test_rfc7644_3_3_create.py"
_QUERY: Final = "spec/rfc/test_rfc7644_3_4_2_query.py"
_DELETE: Final = "spec/rfc/test_rfc7644_3_6_delete.py"
_DISCOVERY: Final = "spec/rfc/test_rfc7644_4_discovery.py"
_WRITABLE: Final = (
    f"{_DISCOVERY}::test_every_published_attribute_can_be_written_unless_it_is_read_only"
)
_INTEROP: Final = "spec/rfc/test_interop_profile.py"
_IPSIE: Final = "spec/rfc/test_ipsie_profile.py"
_OAUTH: Final = "spec/oauth/test_authlib.py"
_RATE: Final = "unit/web/test_request_rate_limit.py"
_LOG: Final = "spec/rfc/test_request_log.py"


@dataclass(frozen=True, slots=True)
class Demand:
    """One demand of a profile on a service provider.

    Attributes:
        level: MUST stands for MUST NOT and SHALL as well, SHOULD for SHOULD NOT.
        text: What is asked for.
        tests: Those that show it, as `file::test` below the folder of the tests.
        needs: The setting without which it is not met; "" where every tenant meets it.
        departure: What the service does instead, and why; "" where it meets the demand.
        not_ours: Who has to meet it; "" where it is the service.
    """

    level: str
    text: str
    tests: tuple[str, ...] = ()
    needs: str = ""
    departure: str = ""
    not_ours: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile.

    Attributes:
        title: Its name, with the version that was read.
        about: What it is.
        demands: In the order of its text.
    """

    title: str
    about: str
    demands: tuple[Demand, ...]


_SWITCH: Final = "the setting `profile` = `interop` of the tenant"
_PRODUCT: Final = "The product has to: it learns of it by the feed, and `access` says so at once."

INTEROP: Final = Profile(
    "SCIM interoperability profile (draft-zollner-scim-interop-profile-02)",
    "An individual draft of November 2026, which IPSIE asks for. What it wants refused, Entra and "
    "Okta send, so a tenant has it by a setting:\n"
    "`python -m tools.admin tenant set acme --profile interop`.",
    (
        Demand(
            "MUST",
            "Who conforms says `interopProfileConformant` in the ServiceProviderConfig; who does "
            "not leaves it out.",
            (f"{_INTEROP}::test_only_a_tenant_that_has_the_profile_declares_it",),
            _SWITCH,
        ),
        Demand(
            "MUST",
            "There are /ServiceProviderConfig, /Schemas and /ResourceTypes, and every schema that "
            "a resource type names is described.",
            (
                f"{_DISCOVERY}::test_descriptions_are_listed_and_read_one_by_one",
                f"{_DISCOVERY}::test_resource_types_point_to_their_schemas_and_endpoints",
            ),
        ),
        Demand(
            "MUST",
            "/Schemas lists exactly what is read.",
            (f"{_INTEROP}::test_schemas_tell_of_every_attribute_that_is_read",),
            _SWITCH,
        ),
        Demand(
            "MUST",
            "Letter case counts alike in filters and where values are unique: not in userName, but "
            "in `id` and `externalId`.",
            (
                f"{_DISCOVERY}::test_case_exact_is_true",
                f"{_DISCOVERY}::test_uniqueness_is_true",
            ),
        ),
        Demand(
            "MUST",
            "Attributes and schemas that are not defined are refused: 400 `invalidSyntax`.",
            (
                f"{_INTEROP}::test_what_no_schema_has_is_refused",
                f"{_INTEROP}::test_of_groups_and_their_members_likewise",
                f"{_INTEROP}::test_an_operation_on_what_no_schema_has_is_refused",
                f"{_INTEROP}::test_in_bulk_likewise",
                f"{_INTEROP}::test_what_is_no_part_of_the_message_is_refused",
                f"{_INTEROP}::test_what_is_no_part_of_a_bulk_request_is_refused",
                f"{_INTEROP}::test_what_is_no_part_of_a_bulk_operation_is_refused",
                f"{_INTEROP}::test_what_is_no_part_of_a_search_is_refused",
            ),
            _SWITCH,
        ),
        Demand(
            "MUST",
            "The types of multi-valued attributes are listed in `canonicalValues`.",
            (
                "unit/scim/test_discovery.py::test_every_list_of_objects_has_types_with_canonical_values",
            ),
        ),
        Demand(
            "MUST",
            "Each type has an endpoint of its own, and a resource is addressed by its id alone.",
            (f"{_DISCOVERY}::test_resource_types_point_to_their_schemas_and_endpoints",),
        ),
        Demand(
            "MUST",
            "Answers are `application/scim+json`.",
            departure="Requests in `application/json` are read as well, as RFC 7644 section 3.1 "
            "allows. Every answer is `application/scim+json`.",
        ),
        Demand(
            "MUST",
            "`filter` is served, with `eq` and `and` at least.",
            (f"{_QUERY}::test_a_filter_finds_users", f"{_QUERY}::test_a_filter_finds_groups"),
        ),
        Demand(
            "MUST",
            "A filter on what the type does not have is refused: 400 `invalidFilter`.",
            (f"{_INTEROP}::test_a_filter_on_what_no_schema_has_is_refused",),
            _SWITCH,
        ),
        Demand(
            "MUST",
            "Lists are paged by index or by cursor.",
            (f"{_DISCOVERY}::test_both_ways_of_paging_are_supported",),
        ),
        Demand(
            "MUST",
            "`count` may be 100, and more than the limit is answered with the limit; 100 is the "
            "default.",
            (
                f"{_IPSIE}::test_a_page_of_a_hundred_may_be_asked_for",
                f"{_DISCOVERY}::test_filters_are_supported_and_a_page_has_at_most_max_results",
            ),
        ),
        Demand(
            "MUST",
            "Every operation of a PATCH has a path; without one: 400 `invalidSyntax`.",
            (
                f"{_INTEROP}::test_an_operation_without_a_path_is_refused",
                f"{_INTEROP}::test_a_refused_operation_undoes_those_before_it",
            ),
            _SWITCH,
        ),
        Demand(
            "MUST",
            "`add` and `replace` of a simple attribute come to the same.",
            (f"{_INTEROP}::test_what_the_profile_allows_is_done",),
        ),
        Demand(
            "MUST",
            "`replace` of a complex attribute replaces all of it; `add` leaves the parts that it "
            "does not name. RFC 7644 section 3.5.2.3 lets a `replace` leave them as well.",
            (
                f"{_INTEROP}::test_a_replace_of_a_complex_value_leaves_none_of_its_parts",
                f"{_INTEROP}::test_an_add_to_a_complex_value_leaves_its_other_parts",
            ),
            _SWITCH,
        ),
        Demand(
            "MAY",
            'A path with a filter and without a part, as `emails[type eq "work"]`, is refused.',
            departure="It is done: a `remove` of it takes an address away, which clients that keep "
            "to RFC 7644 send.",
        ),
        Demand(
            "MUST",
            "Only a DELETE deletes; afterwards the resource is 404 and in no list, and its names "
            "are free.",
            (
                f"{_DELETE}::test_a_deleted_resource_is_gone_from_everywhere",
                f"{_IPSIE}::test_the_name_of_a_deleted_user_is_free",
            ),
        ),
        Demand(
            "MUST",
            "A conflict is 409 with `uniqueness`.",
            (f"{_CREATE}::test_one_of_many_who_want_a_name_at_once_gets_it",),
        ),
        Demand(
            "MUST",
            "TLS 1.2 at least.",
            ("ops/infra/test_resources.py::test_the_app_speaks_tls_and_takes_no_password",),
        ),
    ),
)

IPSIE: Final = Profile(
    "IPSIE AL SCIM 2.0 profile (OpenID Foundation, draft 00), AL1 and AL2",
    "An implementer's draft of September 2026. AL1 is deprovisioning, AL2 users and groups; AL3, "
    "roles, has no demands yet.",
    (
        Demand(
            "MUST",
            "OAuth 2.0 with the grant `client_credentials` and JWT client authentication "
            "(RFC 7523 section 2.2).",
            (f"{_OAUTH}::test_a_client_with_a_key_of_its_own_needs_no_secret",),
            "`python -m tools.admin client new`, and `token off` where the secret token is to open "
            "nothing",
        ),
        Demand(
            "MUST",
            "Credentials of a client do not come in the body of a token request.",
            departure="They are taken there as well: Entra offers header, body and both, and an "
            "assertion of RFC 7523 comes in the body.",
        ),
        Demand(
            "MUST",
            "An access token has the scope `scim`, and opens nothing else.",
            (
                "spec/oauth/test_token_endpoint.py::test_an_access_token_opens_its_tenant_and_nothing_else",
            ),
        ),
        Demand(
            "MUST",
            "There is metadata of RFC 8414 with a `token_endpoint`.",
            ("spec/oauth/test_metadata.py::test_the_server_is_described_at_every_address",),
        ),
        Demand("MUST", "The SCIM interoperability profile is kept.", needs="see above"),
        Demand(
            "MUST",
            "Users and groups are not changed in the application.",
            not_ours="The product has to: the service offers no other way to write them than SCIM.",
        ),
        Demand(
            "MUST",
            "Every SCIM endpoint has a rate limit: 429 with Retry-After beyond it.",
            (f"{_RATE}::test_one_too_many_is_refused_before_any_call",),
        ),
        Demand(
            "MUST",
            "25 requests a second of a tenant are served.",
            (f"{_RATE}::test_25_a_second_of_a_tenant_are_never_refused",),
        ),
        Demand(
            "MUST",
            "/Bulk is served.",
            ("spec/rfc/test_rfc7644_3_7_bulk.py::test_each_operation_does_what_its_request_would",),
        ),
        Demand(
            "MUST",
            "A PATCH changes several attributes.",
            (f"{_IPSIE}::test_one_patch_changes_several_attributes",),
        ),
        Demand(
            "MUST",
            "AL1: a user is deactivated and activated again by PATCH.",
            (f"{_IPSIE}::test_a_user_is_deactivated_and_activated_again_by_patch",),
        ),
        Demand(
            "SHOULD",
            "AL1: sessions end within 5 minutes of a deactivation; all that gave access ends.",
            not_ours=_PRODUCT,
        ),
        Demand(
            "MUST",
            "AL1: the name of a deleted user is free.",
            (f"{_IPSIE}::test_the_name_of_a_deleted_user_is_free",),
        ),
        Demand(
            "MUST",
            "AL1: users are found by id, userName, externalId and `emails` in both forms.",
            (f"{_IPSIE}::test_users_are_found_by_each_of_their_identifiers",),
        ),
        Demand(
            "MUST",
            "AL2: users have userName, displayName, active and externalId; groups displayName, "
            "members and externalId.",
            (_WRITABLE,),
        ),
        Demand(
            "MUST",
            "AL2: `password` is not supported.",
            (f"{_INTEROP}::test_what_no_schema_has_is_refused",),
            f"{_SWITCH}; without it a password is read and kept nowhere, since Okta sends one",
        ),
        Demand(
            "MUST",
            "AL2: custom schemas hold no credentials.",
            not_ours="Who writes the schema files has to.",
        ),
        Demand(
            "SHOULD",
            "AL2: a page has at most 1,000 users, and cursors are served.",
            (f"{_DISCOVERY}::test_both_ways_of_paging_are_supported",),
        ),
        Demand(
            "SHOULD",
            "AL2: no two groups have one displayName.",
            (f"{_CREATE}::test_one_of_many_groups_of_a_name_at_once_gets_it",),
            "default; the setting `groupNames` = `repeat` gives it up",
        ),
        Demand(
            "MUST",
            "AL2: a group may have no members.",
            (f"{_IPSIE}::test_a_group_is_created_without_members",),
        ),
        Demand(
            "MUST",
            "AL2: groups are found by displayName, externalId and `members[value eq ...]`.",
            (f"{_IPSIE}::test_groups_are_found_by_each_of_their_identifiers",),
        ),
        Demand(
            "MUST",
            "AL2: a PATCH takes 50 operations on members.",
            (f"{_IPSIE}::test_one_patch_adds_and_removes_fifty_members_each_by_an_operation",),
        ),
        Demand(
            "MUST",
            "Errors are those of SCIM and tell nothing of the inside.",
            (
                "unit/web/test_respond.py::test_a_fault_of_ours_is_a_scim_error_and_says_nothing_of_what_was_sent",
            ),
        ),
        Demand(
            "MUST",
            "Access tokens expire, and an assertion is used once.",
            ("unit/oauth/test_client_keys.py::test_an_assertion_is_used_once",),
        ),
        Demand(
            "MUST",
            "What changes a resource is logged.",
            (f"{_LOG}::test_each_request_leaves_one_line_that_says_what_happened_and_to_whom_not",),
        ),
    ),
)

PROFILES: Final = (INTEROP, IPSIE)
