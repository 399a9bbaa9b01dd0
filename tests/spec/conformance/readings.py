"""How requests are read that are not quite those of the RFC: understood, passed over, or refused.

Each is an example that `tests/spec/rfc/test_understood_or_refused.py` sends. `docs/conformance.md`
tells of all of them. Labels such as A5 are those of `tests/spec/clients/README.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from shared.scim.core_schemas import ROLES_SCHEMA
from tests.support.fixtures.scim_client import ENTERPRISE, GROUP, USER

Json: TypeAlias = dict[str, Any]

NOBODY: Final = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Request:
    """A request about a resource, in which `<ana>` and `<bo>` stand for users, `<it>` for its id.

    Attributes:
        method: FIND is a GET with a filter.
        content: The body of a POST or PUT, the operations of a PATCH, or the filter.
        endpoint: Where it goes.
    """

    method: Literal["POST", "PUT", "PATCH", "FIND"]
    content: Any
    endpoint: str = "/Users"


@dataclass(frozen=True, slots=True)
class Reading:
    """One kind of request, and what becomes of it.

    Attributes:
        sent: What is sent, in words.
        note: How it is read and who is known to send it, or why it is refused.
        request: An example.
        held: Attributes of the resource before.
        becomes: Attributes of the resource afterwards, besides its name; a filter finds it or,
            where this is None, does not. Of a refused request: what was held.
        scim_type: Of a refused request.
    """

    sent: str
    note: str
    request: Request
    held: Json = field(default_factory=dict)
    becomes: Json | None = None
    scim_type: str = ""


def _patch(*operations: Json, endpoint: str = "/Users") -> Request:
    return Request("PATCH", list(operations), endpoint)


def _replace(path: str, value: Any) -> Request:
    return _patch({"op": "replace", "path": path, "value": value})


def _members(op: str, path: str = "members", **value: Any) -> Request:
    return _patch({"op": op, "path": path, **value}, endpoint="/Groups")


def _find(condition: str) -> Request:
    return Request("FIND", condition)


_WORK: Final[Json] = {"type": "work", "value": "w@x.test"}
_HOME: Final[Json] = {"type": "home", "value": "h@x.test"}
_MAILED: Final[Json] = {"emails": [_WORK, _HOME]}
_ANA: Final[Json] = {"members": [{"value": "<ana>"}]}
_TEXT: Final = '{"type":"other","value":"n@x.test"}'
_PACKED: Final = {"type": "other", "value": "n@x.test"}

UNDERSTOOD: Final = (
    Reading(
        "`op` in any letter case, booleans as text",
        "as what they say: Entra (E1, E2)",
        _patch({"op": "Replace", "path": "active", "value": "False"}),
        becomes={"active": False},
    ),
    Reading(
        "a number where a text is wanted",
        "as its digits",
        _replace("title", 7),
        becomes={"title": "7"},
    ),
    Reading(
        "a list around a single value, or an object with its `value`",
        "as that value: Entra's older jobs (E9)",
        _replace("title", [{"$ref": None, "value": "T"}]),
        becomes={"title": "T"},
    ),
    Reading(
        "one element where a list is wanted, or a text where an element is",
        "as a list of that element, as its `value`",
        _replace("emails", "n@x.test"),
        _MAILED,
        {"emails": [{"value": "n@x.test"}]},
    ),
    Reading(
        'a manager as text, as a list, as `{"value": ""}`',
        "as the reference, or none: Entra (E7)",
        _replace(f"{ENTERPRISE}:manager", "m1"),
        becomes={ENTERPRISE: {"manager": {"value": "m1"}}},
    ),
    Reading(
        "JSON as text where a complex value is wanted, in its place or in its `value`",
        "as what the JSON says: Entra's roles (E8)",
        _patch({"op": "add", "path": "emails", "value": [_TEXT]}),
        becomes={"emails": [_PACKED]},
    ),
    Reading(
        "JSON as text in a POST",
        "the same",
        Request("POST", {"emails": [{"value": _TEXT}], ENTERPRISE: {"manager": '{"value":"m1"}'}}),
        becomes={"emails": [_PACKED], ENTERPRISE: {"manager": {"value": "m1"}}},
    ),
    Reading(
        "the name of the attribute around its value, where the `path` names it already",
        "as the value",
        _replace("emails", {"emails": [_HOME]}),
        {"emails": [_WORK]},
        {"emails": [_HOME]},
    ),
    Reading(
        "dotted keys, and keys with the URN of a schema, in a value without a path",
        "as paths: Entra with `aadOptscim062020` (E5)",
        _patch(
            {
                "op": "replace",
                "value": {"name.givenName": "A", f"{ENTERPRISE}:department": "D"},
            }
        ),
        becomes={"name": {"givenName": "A"}, ENTERPRISE: {"department": "D"}},
    ),
    Reading(
        "dotted keys in a POST or PUT",
        "the same",
        Request("POST", {"name.givenName": "A", f"{ENTERPRISE}.manager.value": "m1"}),
        becomes={"name": {"givenName": "A"}, ENTERPRISE: {"manager": {"value": "m1"}}},
    ),
    Reading(
        "a dot in place of the colon behind the URN of a schema, no colon before its last word",
        "as with it, in bodies, paths, filters, `sortBy` and `attributes`; Entra's samples (A3)",
        _replace(f"{ENTERPRISE}.employeeNumber", "56789"),
        becomes={ENTERPRISE: {"employeeNumber": "56789"}},
    ),
    Reading(
        "attributes of an extension without their URN",
        "as those of the extension: Entra's older mappings (A3)",
        _replace("department", "D"),
        becomes={ENTERPRISE: {"department": "D"}},
    ),
    Reading(
        "a filter path that finds no element",
        "the element is made that the filter describes: Entra (E3)",
        _replace('emails[type eq "work"].value', "n@x.test"),
        becomes={"emails": [{"type": "work", "value": "n@x.test"}]},
    ),
    Reading(
        "a label of an element that is not there, by its path",
        "it is kept, and read back, and is none for `roles pr`: Entra's gallery validation (B2.16)",
        _replace('roles[primary eq "True"].display', "Admins"),
        becomes={"roles": [{"primary": True, "display": "Admins"}]},
    ),
    Reading(
        "a `remove` with the values to remove",
        "those values are removed, and no others: Entra (E6)",
        _patch({"op": "remove", "path": "emails", "value": [_WORK]}),
        _MAILED,
        {"emails": [_HOME]},
    ),
    Reading(
        "a `remove` with a value, of an attribute that has one, or of one element",
        "the same: the value, or the named parts, are removed where they are as is said",
        _patch({"op": "remove", "path": "name", "value": {"givenName": "A", "familyName": "X"}}),
        {"name": {"givenName": "A", "familyName": "B"}},
        {"name": {"familyName": "B"}},
    ),
    Reading(
        "a `remove` with another value than the one that is held",
        "there is nothing to remove; a reference is compared by its `value`",
        _patch({"op": "remove", "path": f"{ENTERPRISE}:manager", "value": [{"value": "m2"}]}),
        {ENTERPRISE: {"manager": {"value": "m1"}}},
        {ENTERPRISE: {"manager": {"value": "m1"}}},
    ),
    Reading(
        'a `remove` with null, "" or []',
        "as without a value: all is removed; of members,  and [] name nobody (A10)",
        _patch({"op": "remove", "path": "title", "value": ""}),
        {"title": "T"},
        {},
    ),
    Reading(
        "the object of an extension as JSON text, as a list of one, under its URN once more",
        "as the object",
        _replace(ENTERPRISE, '{"department":"D"}'),
        becomes={ENTERPRISE: {"department": "D"}},
    ),
    Reading(
        "a list as JSON text where one complex value is wanted",
        "as the one value in it",
        _replace(f"{ENTERPRISE}:manager", '[{"value":"m1"}]'),
        becomes={ENTERPRISE: {"manager": {"value": "m1"}}},
    ),
    Reading(
        "the name of the attribute around its value in a POST",
        "as the value",
        Request("POST", {"emails": {"emails": [_HOME]}}),
        becomes={"emails": [_HOME]},
    ),
    Reading(
        "`$ref` of a reference without its `value`",
        "the `value` is the id that ends the URI",
        _replace(f"{ENTERPRISE}:manager.$ref", "https://x.test/Users/m2"),
        {ENTERPRISE: {"manager": {"value": "m1"}}},
        {ENTERPRISE: {"manager": {"value": "m2", "$ref": "https://x.test/Users/m2"}}},
    ),
    Reading(
        "`value` behind the path of a simple attribute",
        "as the attribute",
        _replace("title.value", "T"),
        becomes={"title": "T"},
    ),
    Reading(
        "the URN of a schema in a filter, in any letter case",
        "as everywhere else",
        _find(f'schemas eq "{USER.upper()}"'),
        {},
        {},
    ),
    Reading(
        "a value in a filter or in a path in single quotes",
        "as in double ones",
        _replace("emails[type eq 'work'].value", "n@x.test"),
        {"emails": [_WORK]},
        {"emails": [{"type": "work", "value": "n@x.test"}]},
    ),
    Reading(
        "a value in a filter without quotes, an apostrophe in it or not",
        "as text: Entra's documentation (E25)",
        _find("nickName eq o'hara"),
        {"nickName": "O'Hara"},
        {},
    ),
    Reading(
        '`emails[type eq "work"].value eq "x"`, or without the `.value`',
        "one element satisfies both: Entra (A2, E26)",
        _find('emails[type eq "work"] eq "w@x.test"'),
        _MAILED,
        {},
    ),
    Reading(
        "the URN of a schema before brackets, or before `pr`",
        "as the attributes of that schema",
        _find(f'{ENTERPRISE}[employeeNumber eq "7"]'),
        {ENTERPRISE: {"employeeNumber": "7"}},
        {},
    ),
    Reading(
        "`value` in a list of simple values",
        "as the element itself",
        _find(f'schemas[value eq "{USER}"]'),
        {},
        {},
    ),
    Reading(
        "`schemas` that is missing, empty, or names extensions and schemas of others",
        "the endpoint tells what the body is: Entra (E10)",
        Request("POST", {"schemas": ["http://schemas.microsoft.com/2006/11/User"], "title": "T"}),
        becomes={"title": "T"},
    ),
    Reading(
        "two equal elements",
        "as one",
        Request("POST", {"emails": [_WORK, _WORK]}),
        becomes={"emails": [_WORK]},
    ),
    Reading(
        "two elements that become equal",
        "the same",
        _replace('emails[type eq "work"].value', "c@x.test"),
        {"emails": [_WORK, {**_WORK, "value": "v@x.test"}]},
        {"emails": [{**_WORK, "value": "c@x.test"}]},
    ),
    Reading(
        "an object without parts",
        "it changes nothing (RFC 7644 section 3.5.2.3)",
        _replace("name", {}),
        {"name": {"givenName": "A"}},
        {"name": {"givenName": "A"}},
    ),
    Reading(
        "members as ids, as objects, one without a list, JSON as text",
        "as members (A10)",
        _members("add", value='[{"value":"<bo>"}]'),
        _ANA,
        {"members": ["<ana>", "<bo>"]},
    ),
    Reading(
        'a `remove` of members with ""',
        "it names nobody, as [] does: nobody is removed",
        _members("remove", value=""),
        _ANA,
        {"members": ["<ana>"]},
    ),
    Reading(
        "a `remove` of members by a filter, with members as its value",
        "who is in both is removed",
        _members("remove", 'members[type eq "User"]', value=[{"value": "<bo>"}]),
        {"members": [{"value": "<ana>"}, {"value": "<bo>"}]},
        {"members": ["<ana>"]},
    ),
    Reading(
        "a member with parts that no member has, of whatever type",
        "as without them",
        _members("add", value=[{"value": "<bo>", "order": 1, "primary": False}]),
        _ANA,
        {"members": ["<ana>", "<bo>"]},
    ),
    Reading(
        "a filter on members by `value` and `type`",
        "a member is a `User` or a `Group`, and its id decides",
        _members("remove", "members[value eq '<ana>' and type eq \"User\"]"),
        _ANA,
        {"members": []},
    ),
    Reading(
        'members of the type "Group" to remove',
        "those alone",
        _members("remove", 'members[type eq "Group"]'),
        _ANA,
        {"members": ["<ana>"]},
    ),
    Reading(
        "a new list of members of whom some are neither users nor groups",
        "the others are the members; those that are none are recorded",
        _members("replace", value=[{"value": "<bo>"}, {"value": NOBODY}]),
        _ANA,
        {"members": ["<bo>"]},
    ),
    Reading(
        "one attribute under two names, or as a whole and by a part",
        "as one, where both say the same or complete each other",
        Request(
            "POST",
            {
                "title": "T",
                f"{USER}:title": "T",
                "name.givenName": "A",
                "name": {"familyName": "R"},
                f"{USER}:active": "false",
                "active": False,
            },
        ),
        becomes={"title": "T", "name": {"givenName": "A", "familyName": "R"}, "active": False},
    ),
    Reading(
        "a time with another offset, base64 without its padding",
        "as the same value: a filter finds it, an `add` does not double it, a `remove` takes it",
        _patch({"op": "remove", "path": "x509Certificates", "value": [{"value": "aGVsbG8"}]}),
        {"x509Certificates": [{"value": "aGVsbG8="}]},
        {},
    ),
    Reading(
        "`schemas` as a list in JSON as text, or as a text with several URNs",
        "as the list",
        Request("POST", {"schemas": f'["{USER}","{ENTERPRISE}"]', "title": "T"}),
        becomes={"title": "T"},
    ),
)

PASSED_OVER: Final = (
    Reading(
        "an attribute that no schema has, under a well-formed name",
        "Entra maps what a service does not know, and expects success (E19)",
        _patch({"op": "replace", "path": "shoeSize", "value": "9"}),
    ),
    Reading(
        "a part that no schema has, beside one that the attribute has",
        "the same",
        Request("POST", {"name": {"givenName": "A", "shoeSize": "9"}}),
        becomes={"name": {"givenName": "A"}},
    ),
    Reading(
        "a readOnly attribute in a body, or in a value without a path",
        "Okta sends back what it has read",
        _patch({"op": "replace", "value": {"id": "x", "meta": {"version": "9"}, "title": "T"}}),
        becomes={"title": "T"},
    ),
    Reading(
        "the roles that API keys read, in a body, or in a value without a path",
        "the same: they come from the role map of the tenant",
        _patch({"op": "replace", "value": {ROLES_SCHEMA: {"roles": ["admin"]}, "title": "T"}}),
        becomes={"title": "T"},
    ),
    Reading(
        "the same in a POST, with their URN in `schemas`",
        "the same",
        Request("POST", {"schemas": [USER, ROLES_SCHEMA], ROLES_SCHEMA: {"roles": ["admin"]}}),
    ),
    Reading(
        'null, "" and []',
        "they unassign (E9, E22)",
        _patch(
            {"op": "replace", "path": "title", "value": ""},
            {"op": "replace", "path": "emails", "value": []},
        ),
        {"title": "T", "emails": [_WORK]},
    ),
    Reading(
        '`active` with null, "" or [], or left out of a PUT',
        "it stays: nobody is enabled or disabled by omission; a `remove` alone unassigns it",
        _replace("active", ""),
        {"active": False},
        {"active": False},
    ),
    Reading(
        "an element of which only `type` and `primary` are said, at the end of the request",
        "it would be found by `emails pr`, and is no address",
        Request("POST", {"emails": [{"type": "other"}, _WORK]}),
        becomes={"emails": [_WORK]},
    ),
    Reading(
        "a password",
        "Okta sends one; it is kept nowhere",
        _replace("password", "secret"),
    ),
    Reading(
        "a term of a filter about what no schema has",
        "it is neither true nor false, also under `not`: nobody is found by it",
        _find('not (shoeSize eq "9")'),
        becomes=None,
    ),
    Reading(
        "such a term beside others",
        "Kleene's tables: `or` finds by the other one",
        _find('not (shoeSize eq "9") or title eq "T"'),
        {"title": "T"},
        {},
    ),
)

REFUSED: Final = (
    Reading(
        "a value of another type",
        "a boolean is no text; numbers are taken",
        _replace("title", True),
        {"title": "T"},
        scim_type="invalidValue",
    ),
    Reading(
        "the same in a POST",
        "the same",
        Request("POST", {"emails": False}),
        scim_type="invalidValue",
    ),
    Reading(
        "an object or a list in a list where a simple value is wanted",
        "it names nothing, and would clear the attribute",
        _replace("title", {}),
        {"title": "T"},
        scim_type="invalidValue",
    ),
    Reading(
        "an element or an object of which no part is known",
        "it would be lost",
        _replace("emails", [{"email": "n@x.test"}]),
        _MAILED,
        scim_type="invalidValue",
    ),
    Reading(
        "an element of labels, with unknown parts or a `display`, and without its value",
        "the same",
        Request("POST", {"emails": [_WORK, {"type": "home", "address": "lost@x.test"}]}),
        scim_type="invalidValue",
    ),
    Reading(
        "a `remove` with a value that names nothing: `{}`, no known part, a label, another type",
        "nobody can tell what is meant, and all would be lost",
        _patch({"op": "remove", "path": f"{ENTERPRISE}:manager", "value": {"id": "m1"}}),
        {ENTERPRISE: {"manager": {"value": "m1"}}},
        scim_type="invalidValue",
    ),
    Reading(
        "a `remove` of an element by one of its parts",
        "the same: it is sent whole, or chosen by a path with a filter",
        _patch({"op": "remove", "path": "addresses", "value": [{"country": "BE"}]}),
        {"addresses": [{"country": "BE", "locality": "Gent"}]},
        scim_type="invalidValue",
    ),
    Reading(
        "a filter that finds no value, with a value that contradicts it",
        "who lacks the one is not to get the other",
        _replace('roles[value eq "reader"].value', "admin"),
        {"roles": [{"value": "writer"}]},
        scim_type="noTarget",
    ),
    Reading(
        "a `$ref` and a `value` of two resources, a `$ref` alone without an id, a blank `value`",
        "a reference is to one resource",
        _replace(f"{ENTERPRISE}:manager", {"value": "m1", "$ref": "https://x.test/Users/m2"}),
        scim_type="invalidValue",
    ),
    Reading(
        "the same without a path",
        "the same",
        _patch({"op": "replace", "value": {"emails": [{"address": "n@x.test"}]}}),
        _MAILED,
        scim_type="invalidValue",
    ),
    Reading(
        "a list that is not empty and names no value, in place of values",
        'only null, "" and [] remove all',
        _replace("emails", [[]]),
        _MAILED,
        scim_type="invalidValue",
    ),
    Reading(
        "the same by PUT",
        "the same",
        Request("PUT", {"emails": [{"type": "other"}]}),
        _MAILED,
        scim_type="invalidValue",
    ),
    Reading(
        "JSON as text that says nothing of the attribute",
        "it would become the value",
        _patch({"op": "add", "path": "emails", "value": ['{"email":"n@x.test"}']}),
        _MAILED,
        scim_type="invalidValue",
    ),
    Reading(
        "a text that begins as JSON and is none, a JSON word, a text in quotes, as a complex value",
        "the same",
        _replace("emails", "{'value':'n@x.test','type':'work'}"),
        _MAILED,
        scim_type="invalidValue",
    ),
    Reading(
        "a `binary` that is not base64, a `dateTime` that is not xsd:dateTime",
        "a value is of the type of its attribute (RFC 7643 section 2.3)",
        Request("POST", {"x509Certificates": [{"value": "%HELLO%"}]}),
        scim_type="invalidValue",
    ),
    Reading(
        "a time in a filter that is not xsd:dateTime",
        "it would be compared with another moment",
        _find('meta.lastModified gt "20301128022500Z"'),
        scim_type="invalidFilter",
    ),
    Reading(
        "a path that selects by what no schema has",
        "nobody can tell which elements are meant",
        _patch({"op": "remove", "path": 'emails[not (typo eq "work")]'}),
        _MAILED,
        scim_type="invalidPath",
    ),
    Reading(
        "a path that is not well formed",
        "nobody can tell what is meant",
        _replace("emails.0.value", "n@x.test"),
        _MAILED,
        scim_type="invalidPath",
    ),
    Reading(
        "an attribute under the URN of another schema, or of another type",
        "it is there under its own: disabling a user must not get lost",
        _replace(f"{ENTERPRISE}:active", False),
        scim_type="invalidPath",
    ),
    Reading(
        "the same as a key",
        "the same",
        _patch({"op": "replace", "value": {ENTERPRISE: {"active": False}}}),
        scim_type="invalidValue",
    ),
    Reading(
        "the name of the type, or `value`, around attributes or before one",
        "the same",
        _patch({"op": "replace", "value": {"User": {"active": False}}}),
        scim_type="invalidValue",
    ),
    Reading(
        "anything but `:` or `.` and a name behind the URN of a schema",
        "nobody can tell what is meant",
        _replace(f"{ENTERPRISE}/department", "D"),
        scim_type="invalidPath",
    ),
    Reading(
        "a part of a simple attribute, other than `value`",
        "it has none",
        _replace("title.text", "T"),
        {"title": "T"},
        scim_type="invalidPath",
    ),
    Reading(
        "a term of a filter about what is no name",
        "it would find nobody",
        _find('userName, eq "it"'),
        scim_type="invalidFilter",
    ),
    Reading(
        "two keys that differ in letter case alone",
        "they are one name",
        Request("POST", {"title": "A", "TITLE": "B"}),
        scim_type="invalidSyntax",
    ),
    Reading(
        "`schemas` that holds something else than texts",
        "it says nothing of what the body is",
        Request("POST", {"schemas": [1], "title": "T"}),
        scim_type="invalidSyntax",
    ),
    Reading(
        "a key that is not the name of an attribute",
        "the same",
        Request("POST", {"display name": "A"}),
        scim_type="invalidSyntax",
    ),
    Reading(
        "a path that names what is readOnly",
        "the service alone writes it",
        _replace("meta.created", "2030-01-01T00:00:00Z"),
        scim_type="mutability",
    ),
    Reading(
        "a path that names the roles that API keys read",
        "the same: they come from the role map of the tenant",
        _replace(f"{ROLES_SCHEMA}:roles", ["admin"]),
        scim_type="mutability",
    ),
    Reading(
        "any other quotation mark in a filter: typographic, doubled, unpaired, an HTML entity",
        "it would be compared with the value",
        _find("userName eq \u201cana\u201d"),
        scim_type="invalidFilter",
    ),
    Reading(
        "the same in a path",
        "the same",
        _patch({"op": "remove", "path": "emails[type eq `work`]"}),
        _MAILED,
        scim_type="invalidPath",
    ),
    Reading(
        "`schemas` that names another type or message, and not what is expected",
        "the body was sent to the wrong place",
        Request("POST", {"schemas": [GROUP], "title": "T"}),
        scim_type="invalidSyntax",
    ),
    Reading(
        "members that are no members",
        "they would empty the group",
        _members("replace", value=True),
        _ANA,
        scim_type="invalidValue",
    ),
    Reading(
        "a member whose id has a comma, a blank, a quote or a bracket in it, or is a number",
        "it is several ids, or JSON that went wrong",
        _members("add", value="<ana>,<bo>"),
        _ANA,
        scim_type="invalidValue",
    ),
    Reading(
        "a new list of members of whom nobody is a user or a group",
        "the same",
        _members("replace", value=[{"value": NOBODY}]),
        _ANA,
        scim_type="invalidValue",
    ),
    Reading(
        "a member whose `type` or `$ref` is not that of its id",
        "it is not known which of the two is meant",
        _members("add", value=[{"value": "<bo>", "type": "Group"}]),
        _ANA,
        scim_type="invalidValue",
    ),
    Reading(
        "a group as a member of itself",
        "it would have no end; longer circles are taken",
        _members("add", value=[{"value": "<it>"}]),
        _ANA,
        scim_type="invalidValue",
    ),
    Reading(
        "a `remove` of members by a filter, with a value that names no member",
        "nobody can tell who is meant, and all that the filter finds would be lost",
        _members("remove", 'members[value eq "<ana>"]', value={"foo": 1}),
        _ANA,
        scim_type="invalidValue",
    ),
    Reading(
        "a filter on members by what is no id: with a comma, a blank, a quote or a bracket",
        "it would select nobody, and the access of those who are meant would stay",
        _members("remove", 'members[value eq "<ana>,<bo>"]'),
        _ANA,
        scim_type="invalidPath",
    ),
    Reading(
        "`value`, `path`, `op` or `$ref` where names of attributes are expected",
        "the path of the operation was forgotten, and the value would be lost",
        _patch({"op": "add", "value": [{"value": "<bo>"}]}, endpoint="/Groups"),
        _ANA,
        scim_type="invalidValue",
    ),
    Reading(
        "the same with a whole operation as the value",
        "the same: disabling a user must not get lost",
        _patch({"op": "replace", "value": {"op": "replace", "path": "active", "value": False}}),
        scim_type="invalidValue",
    ),
    Reading(
        "the same under the URN of an extension",
        "the same",
        _replace(ENTERPRISE, {"value": "x"}),
        scim_type="invalidValue",
    ),
    Reading(
        "one attribute under two names, with two values",
        "one of the two would be lost",
        Request("PUT", {"active": True, f"{USER}:active": False}),
        scim_type="invalidValue",
    ),
    Reading(
        "the same without a path, and as a whole and by a part",
        "the same",
        _patch({"op": "replace", "value": {"name": {"givenName": "A"}, "name.givenName": "B"}}),
        scim_type="invalidValue",
    ),
    Reading(
        "the same of members",
        "the same",
        _patch(
            {"op": "replace", "value": {"members": ["<ana>"], f"{GROUP}:members": ["<bo>"]}},
            endpoint="/Groups",
        ),
        _ANA,
        scim_type="invalidValue",
    ),
    Reading(
        "the same of members by PUT",
        "the same",
        Request("PUT", {"members": ["<ana>"], f"{GROUP}:members": ["<bo>"]}, "/Groups"),
        _ANA,
        scim_type="invalidValue",
    ),
    Reading(
        "a list with a number or a boolean in it, as JSON as text",
        "the text would become the value",
        Request("PUT", {ENTERPRISE: {"manager": "[5]"}}),
        {ENTERPRISE: {"manager": {"value": "m1"}}},
        scim_type="invalidValue",
    ),
    Reading(
        "a filter path with an empty literal that finds no element",
        "the element that it describes would have an empty part",
        _patch({"op": "add", "path": 'emails[type eq ""].value', "value": "n@x.test"}),
        scim_type="invalidPath",
    ),
    Reading(
        "a `remove` of an extension with an empty object",
        "it names nothing: without a value all is removed",
        _patch({"op": "remove", "path": ENTERPRISE, "value": [{}]}),
        {ENTERPRISE: {"department": "D"}},
        scim_type="invalidValue",
    ),
)
