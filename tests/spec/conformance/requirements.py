"""What RFC 7644 (sections 3 and 4) and RFC 9865 ask of a service provider, in our words.

Every MUST, MUST NOT, SHALL and REQUIRED is here, and the SHOULDs that can be seen from outside. A
test says `@pytest.mark.rfc("7644-3.3-created")` which of them it shows. `docs/conformance.md` is
made of both: `python -m tests.spec.conformance`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Level: TypeAlias = Literal["MUST", "SHOULD"]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One demand of an RFC.

    Attributes:
        id: Number of the RFC, section, and a name: `7644-3.3-created`.
        level: MUST stands for MUST NOT, SHALL, REQUIRED and plain rules as well, SHOULD for
            SHOULD NOT.
        text: What is asked for.
        departure: Why the service does otherwise, and what it does; empty where it follows.
        not_ours: Why there is nothing to show; empty where there is.
    """

    id: str
    level: Level
    text: str
    departure: str = ""
    not_ours: str = ""

    @property
    def rfc(self) -> str:
        """Number of the RFC."""
        return self.id.split("-")[0]

    @property
    def section(self) -> str:
        """Number of the section."""
        return self.id.split("-")[1]

    @property
    def needs_a_test(self) -> bool:
        """Whether a test must show it."""
        return not self.departure and not self.not_ours


def must(id_: str, text: str, *, departure: str = "", not_ours: str = "") -> Requirement:
    """A demand that is not the service's to weigh."""
    return Requirement(id_, "MUST", text, departure, not_ours)


def should(id_: str, text: str, *, departure: str = "", not_ours: str = "") -> Requirement:
    """A demand that a good reason may outweigh."""
    return Requirement(id_, "SHOULD", text, departure, not_ours)


_CLIENT: Final = "It binds the client."
_SCHEMAS_OF_MESSAGES: Final = (
    "A `schemas` that is missing or foreign is taken, because the endpoint tells what the body is; "
    "one that names another message or type is refused."
)

REQUIREMENTS: Final = (
    # --- RFC 7644, 3.1 and 3.3: messages, creation ---
    must("7644-3.1-message-schemas", "A message names its schema URI in `schemas`."),
    must("7644-3.3-readonly", "POST: values of readOnly attributes are ignored."),
    must("7644-3.3-created", "POST: a created resource is answered with 201."),
    should("7644-3.3-body", "POST: the answer holds the resource as the service keeps it."),
    must(
        "7644-3.3-location",
        "POST: the URI of the new resource stands in `Location` and in `meta.location`.",
    ),
    must("7644-3.3-conflict", "POST: a resource that is in conflict gets 409 `uniqueness`."),
    must("7644-3.3.1-resource-type", "POST: `meta.resourceType` is set to that of the endpoint."),
    # --- 3.4: retrieval ---
    must("7644-3.4.2-list-response", "The answer to a query is a ListResponse."),
    must("7644-3.4.2-total", "It holds `totalResults`."),
    must("7644-3.4.2-resources", "It holds `Resources` unless there are none."),
    must(
        "7644-3.4.2-page-fields",
        "It holds `startIndex` and `itemsPerPage` where it is a part of the result.",
    ),
    must("7644-3.4.2-empty", "A query that finds nothing succeeds, with `totalResults` 0."),
    must(
        "7644-3.4.2.1-root",
        "A query at the root is one on the resources of every type.",
    ),
    must(
        "7644-3.4.2.1-too-many",
        "A query that would return too many results is refused: 400 `tooMany`.",
    ),
    must(
        "7644-3.4.2.1-filters-across-types",
        "A filter on several resource types at once is processed as one on a single type is.",
    ),
    must(
        "7644-3.4.2.1-undefined-attribute",
        "An attribute that a resource type does not have counts as one without a value.",
    ),
    must("7644-3.4.2.2-only-matches", "Only resources that satisfy the filter are returned."),
    must(
        "7644-3.4.2.2-expression",
        "A filter has at least one expression, each an attribute, an operator and, but for `pr`, "
        "a value; anything else is refused.",
    ),
    must("7644-3.4.2.2-case", "Names of attributes and operators are read in any letter case."),
    must(
        "7644-3.4.2.2-not-ordered",
        "`gt`, `ge`, `lt` and `le` on a boolean or a binary value are refused: 400 "
        "`invalidFilter`.",
    ),
    must(
        "7644-3.4.2.2-same-value",
        "Expressions in brackets apply to one and the same value of the attribute before them.",
    ),
    must(
        "7644-3.4.2.2-inner-filter",
        "What stands in brackets is a filter on sub-attributes of the attribute before them.",
    ),
    must(
        "7644-3.4.2.2-precedence",
        "Grouping binds before `not`, that before `and`, that before `or`.",
    ),
    must(
        "7644-3.4.2.2-any-value",
        "A multi-valued attribute satisfies a comparison if one of its values does.",
    ),
    must("7644-3.4.2.2-case-exact", "Text is compared by the attribute's `caseExact`."),
    must(
        "7644-3.4.2.2-unknown-operator",
        "A filter with an operator that is not known is refused: 400 `invalidFilter`.",
    ),
    must("7644-3.4.2.3-sub-attribute", "`sortBy` of a complex attribute names a sub-attribute."),
    must("7644-3.4.2.3-ascending", "The order is ascending unless `sortOrder` says otherwise."),
    must("7644-3.4.2.3-by-type", "Values are ordered by type, text by `caseExact`."),
    must(
        "7644-3.4.2.3-missing",
        "Resources without a value come last in ascending, first in descending order.",
    ),
    must(
        "7644-3.4.2.3-multi-valued",
        "A multi-valued attribute is ordered by its primary value, or else by its first.",
    ),
    must("7644-3.4.2.4-start-index", "A `startIndex` below 1 is read as 1."),
    must("7644-3.4.2.4-count", "No more results than `count` are returned."),
    must("7644-3.4.2.4-negative-count", "A negative `count` is read as 0."),
    must("7644-3.4.2.4-count-zero", "A `count` of 0 returns `totalResults` and no resources."),
    must(
        "7644-3.4.2.4-inconsistency",
        "A client is prepared for resources that move between pages.",
        not_ours=_CLIENT,
    ),
    must(
        "7644-3.4.2.5-notation",
        "`attributes` names attributes in the notation of section 3.10.",
    ),
    must(
        "7644-3.4.2.5-always",
        "`excludedAttributes` does not take what is always returned.",
    ),
    must("7644-3.4.3-search", "POST to an endpoint with `/.search` behind it is a query."),
    must(
        "7644-3.4.3-message",
        "The request is identified as a SearchRequest.",
        departure=_SCHEMAS_OF_MESSAGES,
    ),
    # --- 3.5: modification ---
    must("7644-3.5-put", "PUT is supported."),
    should("7644-3.5-patch", "PATCH is supported."),
    must("7644-3.5.1-no-create", "PUT creates nothing."),
    must("7644-3.5.1-replaces", "PUT: values of readWrite and writeOnly attributes are replaced."),
    must("7644-3.5.1-readonly", "PUT: values of readOnly attributes are ignored."),
    should(
        "7644-3.5.1-immutable-mismatch",
        "PUT: another value of an immutable attribute gets 400 `mutability`.",
    ),
    must(
        "7644-3.5.1-immutable-new",
        "PUT: a value of an immutable attribute that has none is taken.",
    ),
    must(
        "7644-3.5.1-required",
        "PUT: a client names every required attribute; a request without one is refused.",
    ),
    must("7644-3.5.1-answer", "PUT: success is 200 with the whole resource."),
    must(
        "7644-3.5.2-schemas",
        "PATCH: the body names the PatchOp schema.",
        departure=_SCHEMAS_OF_MESSAGES,
    ),
    must("7644-3.5.2-operations", "PATCH: the body holds `Operations`, one or more."),
    must("7644-3.5.2-op", "PATCH: each operation has one `op`: add, remove or replace."),
    must(
        "7644-3.5.2-mutability",
        "PATCH: an operation that is at odds with the mutability of its attribute is an error.",
        departure="A path that names a readOnly attribute is refused. In a value without a path it "
        "is passed over, as in POST and PUT: Okta sends `id` there, and a refusal would stop the "
        "other operations of the request.",
    ),
    must(
        "7644-3.5.2-schema",
        "PATCH: an operation that is at odds with the schema is answered with an error.",
    ),
    must(
        "7644-3.5.2-primary",
        "PATCH: a value that becomes primary takes that from every other one.",
    ),
    must("7644-3.5.2-atomic", "PATCH: all operations are applied, or none."),
    must("7644-3.5.2-failure", "PATCH: a failure is answered with a status and a SCIM error."),
    must("7644-3.5.2-order", "PATCH: operations are applied in the order of the list."),
    must(
        "7644-3.5.2-answer",
        "PATCH: success is 200 with the resource, or 204 with the headers that belong to it.",
    ),
    must("7644-3.5.2-attributes", "PATCH: success is 200 where `attributes` is asked for."),
    must("7644-3.5.2.1-value", "add: the operation has a `value`."),
    must("7644-3.5.2.1-complex", "add: a complex attribute takes a set of sub-attributes."),
    must(
        "7644-3.5.2.1-targets",
        "add: what is missing is added, a single value replaced, a list extended.",
    ),
    should("7644-3.5.2.1-present", "add: a value that is there already changes nothing."),
    must(
        "7644-3.5.2.1-modified",
        "add: a value that is there already does not move `meta.lastModified`.",
    ),
    must("7644-3.5.2.2-no-path", "remove: without a path it fails with 400 `noTarget`."),
    must("7644-3.5.2.2-single", "remove: a single-valued attribute is unassigned."),
    must(
        "7644-3.5.2.2-all",
        "remove: without a filter all values go, and the attribute is unassigned.",
    ),
    must(
        "7644-3.5.2.2-filter",
        "remove: with a filter the values go that satisfy it; without any left, the attribute is "
        "unassigned.",
    ),
    must(
        "7644-3.5.2.2-sub-attribute",
        "remove: a sub-attribute is unassigned in the values that are meant.",
    ),
    must(
        "7644-3.5.2.2-required",
        "remove: to unassign a required attribute is an error: `mutability`.",
    ),
    must(
        "7644-3.5.2.2-readonly",
        "remove: to unassign a readOnly attribute is an error: `mutability`.",
    ),
    must("7644-3.5.2.3-no-path", "replace: without a path the value holds attributes."),
    must(
        "7644-3.5.2.3-targets",
        "replace: a single value is replaced, and a list as a whole.",
    ),
    must("7644-3.5.2.3-missing", "replace: an attribute that is missing is added."),
    must(
        "7644-3.5.2.3-complex",
        "replace: of a complex attribute the named sub-attributes are replaced, the others stay.",
    ),
    must("7644-3.5.2.3-filter", "replace: all values that satisfy the filter are replaced."),
    must(
        "7644-3.5.2.3-no-match",
        "replace: a filter that nothing satisfies is an error: 400 `noTarget`.",
        departure="The value that the filter describes is created: Entra replaces "
        '`emails[type eq "work"].value` of users who have no address yet. A filter that '
        "describes no single value, or another than the one that is sent, does get `noTarget`.",
    ),
    # --- 3.6: deletion ---
    must("7644-3.6-gone", "Every operation on a deleted resource is answered with 404."),
    must("7644-3.6-omitted", "A deleted resource is in no result of a query."),
    should("7644-3.6-name-free", "A deleted resource is in conflict with no new one."),
    must("7644-3.6-answer", "A deletion is answered with 204."),
    # --- 3.7: bulk ---
    must(
        "7644-3.7-request",
        "The request is identified as a BulkRequest.",
        departure=_SCHEMAS_OF_MESSAGES,
    ),
    must("7644-3.7-response", "The answer is identified as a BulkResponse."),
    must("7644-3.7-ok", "A job that is carried out is answered with 200, or else an error."),
    must(
        "7644-3.7-method",
        "Each operation has a method and a path, and data where the method has a body.",
    ),
    must(
        "7644-3.7-path",
        "The path of a POST is that of a resource type, of the other methods that of a resource.",
    ),
    must("7644-3.7-bulk-id", "A POST has a `bulkId`, unique within the request."),
    must("7644-3.7-bulk-id-back", "The answer to a POST holds the `bulkId` of the request."),
    must("7644-3.7-goes-on", "As many operations as possible are carried out after a failure."),
    must("7644-3.7-fail-on-errors", "After `failOnErrors` failures no more are carried out."),
    must(
        "7644-3.7.1-circular",
        "Operations that refer to each other in a circle are resolved if possible, or get 409.",
    ),
    must(
        "7644-3.7.2-references",
        "`bulkId:` references are replaced by the id of the resource that was created.",
    ),
    must("7644-3.7.3-all-results", "The answer holds the result of every processed operation."),
    must("7644-3.7.3-location", "Each result has a `location`, but for a POST that failed."),
    must("7644-3.7.3-status", "Each result has the status that a single request would have."),
    must("7644-3.7.3-error", "The result of a failed operation holds the error."),
    must("7644-3.7.4-limits", "The service has limits for operations and size of a job."),
    must(
        "7644-3.7.4-too-large",
        "A job beyond a limit gets 413, and the error says which limit it was.",
    ),
    # --- 3.8 to 3.11: formats, projection, names, /Me ---
    must("7644-3.8-utf-8", "Bodies are JSON in UTF-8; that is the default."),
    must("7644-3.8-accept", "`Accept: application/scim+json` is supported, and the default."),
    should(
        "7644-3.8-accept-json",
        "`Accept: application/json` is supported.",
        departure="It is taken, and answered as application/scim+json like every request: "
        "Microsoft's validator ends at an answer of another type.",
    ),
    must(
        "7644-3.8-encoding-of-clients",
        "A client that uses another encoding says so in `Content-Type`.",
        not_ours=_CLIENT,
    ),
    must("7644-3.8-structures", "Multi-valued attributes are arrays, complex ones objects."),
    must("7644-3.9-minimum", "Attributes that are `returned: always` are in every answer."),
    must("7644-3.9-never", "Attributes that are `returned: never` are in no answer."),
    must("7644-3.9-attributes", "`attributes` names what is shown instead of the default."),
    must(
        "7644-3.9-excluded",
        "`excludedAttributes` takes from the default, but not what is always returned.",
    ),
    must(
        "7644-3.10-notation",
        "Attributes are named with or without the URN of the core schema, sub-attributes behind "
        "a dot.",
    ),
    must(
        "7644-3.10-extensions",
        "A client names attributes of an extension with its URN.",
        departure="It may leave the URN out where no core attribute has the name: Entra does.",
    ),
    must("7644-3.10-case", "URNs and names are read in any letter case."),
    must("7644-3.11-me", "/Me answers 501, redirects, or names the permanent `Location`."),
    # --- 3.12 to 3.14: errors, versions ---
    must("7644-3.12-body", "An error is a JSON body with the Error schema."),
    must("7644-3.12-status", "It holds the status as text."),
    should(
        "7644-3.12-statuses",
        "The statuses and the values of `scimType` are those of tables 8 and 9.",
    ),
    must(
        "7644-3.13-version",
        "A version in the URL stands before the endpoint, as `v2`; another one is refused.",
    ),
    should(
        "7644-3.13-latest",
        "A URL without a version means the latest one.",
        departure="A Tenant URL ends in /scim/v2; any other path is 404, so that a mistyped one "
        "is found on the first day.",
    ),
    must("7644-3.14-etag", "The version of a resource stands in the header `ETag`."),
    should("7644-3.14-meta", "It stands in `meta.version` as well."),
    must("7644-3.14-if-none-match", "GET of the version that a client has is answered 304."),
    must("7644-3.14-if-match", "A write with `If-Match` succeeds on that version alone: else 412."),
    # --- 4: discovery ---
    must(
        "7644-4-service-provider-config",
        "/ServiceProviderConfig describes what is supported, under its schema URI.",
    ),
    must("7644-4-schemas", "/Schemas gives all schemas, or the one whose URI is appended."),
    must("7644-4-resource-types", "/ResourceTypes gives all resource types, or the one named."),
    must("7644-4-list", "Several descriptions come as a ListResponse."),
    must("7644-4-ignored", "Sorting and paging parameters are ignored there."),
    should("7644-4-filter", "A filter there is answered with 403."),
    # --- RFC 9865 ---
    must("9865-2-first", "`cursor` is empty in the first request of a query by cursors."),
    must("9865-2-characters", "A cursor is made of characters that a URI need not escape."),
    must("9865-2-count", "No more results than `count` are returned."),
    must("9865-2-next", "`nextCursor` is in every page but the last."),
    must("9865-2-opaque", "A client makes no assumptions about a cursor.", not_ours=_CLIENT),
    must(
        "9865-2-same-query",
        "The next page is asked for with the endpoint and parameters of the first.",
    ),
    should("9865-2-total", "`totalResults` counts the resources of all pages."),
    should("9865-2.1-invalid-cursor", "A cursor that is none gets 400 `invalidCursor`."),
    should("9865-2.1-expired-cursor", "A cursor that is too old gets 400 `expiredCursor`."),
    should("9865-2.1-invalid-count", "A `count` that cannot be gets 400 `invalidCount`."),
    should("9865-2.2-sorted", "Pages by cursors are sorted where sorting is asked for."),
    must(
        "9865-2.3-default-method",
        "A query that asks for neither method is answered by one of them, not refused.",
    ),
    must("9865-3-search", "`cursor` and `count` may stand in a SearchRequest."),
    should("9865-4-announced", "/ServiceProviderConfig has `pagination`."),
    must("9865-4-cursor-and-index", "It says of `cursor` and `index` whether they are supported."),
    must(
        "9865-4-absent-values",
        "A client does not take a missing value for the absence of a limit.",
        not_ours=_CLIENT,
    ),
    should("9865-4-misuse", "Misuse of paging does not take the service from other clients."),
    must(
        "9865-5.2-authorized-data",
        "Pages hold what the caller may read, also with a cursor that another one was given.",
    ),
    must("9865-5.2-every-request", "A cursor gives no right: every request is authorised."),
    should("9865-5.2-same-errors", "A cursor of another one gets the answer of one that is none."),
)
