"""Where this service means to answer otherwise than scim2-server with its policy for Entra.

Each entry names the reason, an example that shows it, and how to tell the difference in answers to
other requests. A difference that no entry explains fails `test_against_scim2_server.py`; so does an
entry whose example no longer shows it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tests.spec.oracle.generated import bulk, bulk_user
from tests.support.fixtures.scim_client import ENTERPRISE, GROUP, USER
from tools.provision import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.spec.oracle.generated import Json
    from tests.spec.oracle.twins import Exchange

Step: TypeAlias = "tuple[str, str, Any]"
"""A request: its method, path and body; of a PATCH the operations, of a filter the condition."""

OUTCOME: Final = "outcome"
"""Stands among the names of what differs for: one carried the request out, the other did not."""

MULTI_VALUED: Final = ("emails", "phoneNumbers", "addresses", "roles")


@dataclass(frozen=True, slots=True)
class Difference:
    """A deliberate difference.

    Attributes:
        title: What this service does.
        reason: Why.
        explains: Gives, of the names that `differing` finds in an exchange, those that this entry
            accounts for.
        example: Requests of which the last one shows it.
        is_lasting: Whether the two sides hold different resources from then on.
    """

    title: str
    reason: str
    explains: Callable[[Exchange], set[str]]
    example: tuple[Step, ...]
    is_lasting: bool = True


def differing(exchange: Exchange) -> set[str]:
    """Return what differs: attributes (those of the enterprise extension as `URN:name`), or
    `status`, `scimType`, `found`, or the outcome, which stands for all of them."""
    ours, theirs = exchange.ours, exchange.theirs
    if ours.is_done != theirs.is_done:
        return {OUTCOME}
    different = set()
    if ours.status != theirs.status:
        different.add("status")
    if ours.scim_type != theirs.scim_type:
        different.add("scimType")
    if isinstance(ours.shown, dict) and isinstance(theirs.shown, dict):
        one, other = _flat(ours.shown), _flat(theirs.shown)
        different |= {name for name in {*one, *other} if one.get(name) != other.get(name)}
    elif ours.shown != theirs.shown:
        different.add("found")
    return different


def explained(exchange: Exchange) -> list[Difference]:
    """Return the entries that account for a part of what differs in an exchange."""
    different = differing(exchange)
    return [entry for entry in DIFFERENCES if different & entry.explains(exchange)]


def _flat(shown: Json) -> Json:
    flat = {name: part for name, part in shown.items() if name != ENTERPRISE}
    return flat | {f"{ENTERPRISE}:{name}": part for name, part in shown.get(ENTERPRISE, {}).items()}


# --- How to tell ------------------------------------------------------------------------------


def _we_do(exchange: Exchange, *, they_say: str | None) -> bool:
    """Whether this service carried a request out that the other refused with that scimType."""
    theirs = exchange.theirs
    return exchange.ours.is_done and theirs.status == 400 and theirs.scim_type == they_say


def _outcome(condition: bool) -> set[str]:
    return {OUTCOME} if condition else set()


def _writes(exchange: Exchange) -> Iterator[tuple[str, Any]]:
    """Yield each attribute that a request writes, as it is named there, and its value."""
    if exchange.method == "PATCH":
        for operation in exchange.operations:
            value = operation.get("value")
            if "path" in operation:
                yield operation["path"], value
            else:
                for each in value if isinstance(value, list) else [value or {}]:
                    yield from each.items()
    elif exchange.body is not None:
        yield from exchange.body.items()
        for name, value in (exchange.body.get(ENTERPRISE) or {}).items():
            yield f"{ENTERPRISE}:{name}", value


def _where(shows: Callable[[str, Any, Any], bool]) -> Callable[[Exchange], set[str]]:
    """Explain each attribute of which a condition holds: its name, our value and theirs."""

    def explains(exchange: Exchange) -> set[str]:
        ours, theirs = exchange.ours.shown, exchange.theirs.shown
        if not (isinstance(ours, dict) and isinstance(theirs, dict)):
            return set()
        mine, others = _flat(ours), _flat(theirs)
        return {
            name for name in differing(exchange) if shows(name, mine.get(name), others.get(name))
        }

    return explains


def _patched_user_is_shown(exchange: Exchange) -> set[str]:
    is_so = (exchange.method, exchange.ours.status, exchange.theirs.status) == ("PATCH", 200, 204)
    return {"status"} if is_so and exchange.path.startswith("/Users/") else set()


def _merged(exchange: Exchange) -> set[str]:
    """Added to elements that hold one of the values already, of which the other server has more."""
    added = {
        name
        for operation in exchange.operations
        if operation["op"].lower() == "add"
        for name in ([operation["path"]] if "path" in operation else operation["value"])
    }
    names = added & set(MULTI_VALUED)
    fewer = _where(lambda name, ours, theirs: name in names and len(ours) < len(theirs))
    return fewer(exchange)


_NE_OF_SEVERAL = re.compile(rf"(?:{'|'.join(MULTI_VALUED)})(?:\.\w+)? ne ", re.IGNORECASE)


def _found_by(pattern: re.Pattern[str]) -> Callable[[Exchange], set[str]]:
    return lambda exchange: {"found"} if pattern.search(exchange.condition) else set()


def _writes_any(exchange: Exchange, test: Callable[[str, Any], bool]) -> bool:
    return any(test(name, value) for name, value in _writes(exchange))


def _says_twice(body: Any) -> bool:
    """Tell whether an object in a body names an attribute as a whole and by a part."""
    if isinstance(body, list):
        return any(map(_says_twice, body))
    if not isinstance(body, dict):
        return False
    heads = {name.partition(".")[0] for name in body if name.count(".") == 1}
    return bool(heads & body.keys()) or any(map(_says_twice, body.values()))


def _is_left_by_deleted_users(exchange: Exchange) -> set[str]:
    shown = exchange.ours.shown
    is_read = exchange.method == "GET" and exchange.path.startswith("/Groups/")
    return {"members"} if is_read and shown and shown["members"] == [] else set()


def _are_ids(members: Any) -> bool:
    """Whether all members are known by an id of a server, rather than as one of both."""
    return all(not member["value"].startswith("<") for member in members or ())


def _has_managers(exchange: Exchange) -> set[str]:
    """Operations of a bulk request that were refused for a manager whom it creates as well."""
    if exchange.path != "/Bulk":
        return set()
    operations = exchange.body["Operations"]
    return _where(
        lambda number, ours, theirs: (
            (ours.status, theirs.status) == ("done", "409")
            and "manager" in operations[int(number)]["data"].get(ENTERPRISE, {})
        )
    )(exchange)


READ_ONLY: Final = {"id", "meta", "meta.created", "groups", "schemas"}


def _is_label(ours: Any, theirs: Any) -> bool:
    """Whether the other server has elements more of which nothing but labels is known."""
    kept = [each for each in theirs or [] if each.keys() - {"type", "primary", "display"}]
    return kept == (ours or []) and kept != theirs


def _without_doubles(elements: Any) -> Any:
    return [each for place, each in enumerate(elements or []) if each not in elements[:place]]


def _is_wrapped(name: str, value: Any) -> bool:
    return (
        isinstance(value, list)
        and "[" not in name
        and name.partition(".")[0]
        not in (
            *MULTI_VALUED,
            "members",
        )
    )


def _primaries(name: str, value: Any) -> bool:
    return (
        name in MULTI_VALUED
        and isinstance(value, list)
        and (sum(isinstance(each, dict) and each.get("primary") is True for each in value) > 1)
    )


def _is_loose(name: str, value: Any) -> bool:
    """A multi-valued attribute that is no list, or a list of texts."""
    if name not in MULTI_VALUED:
        return False
    return isinstance(value, dict | str) or any(isinstance(each, str) for each in value or ())


# --- The list ---------------------------------------------------------------------------------


def _user(name: str = "ana", /, **attributes: Any) -> Step:
    body = {"schemas": [USER], "userName": name, "active": True, **attributes}
    return ("POST", "/Users", body)


def _patch(*operations: Json) -> Step:
    return ("PATCH", "/Users/<0>", list(operations))


def _replace(path: str, value: Any) -> Step:
    return _patch({"op": "replace", "path": path, "value": value})


def _bulk(*operations: Json) -> Step:
    return ("POST", "/Bulk", bulk(*operations))


GROUP_SCHEMAS: Final = list(wire.GROUP_SCHEMAS)
_ROLE: Final = json.dumps({"id": "1", "value": "Admin", "displayName": "Admin"})

DIFFERENCES: Final = (
    Difference(
        "A PATCH of a user answers 200 with the user.",
        "RFC 7644 section 3.5.2 allows 200 and 204; the answer saves a client that compares a "
        "second request. Of a group both answer 204.",
        _patched_user_is_shown,
        (_user(), _replace("title", "T")),
        is_lasting=False,
    ),
    Difference(
        "A user that is created without `active` is active.",
        "The product reads the attribute and must not find it missing.",
        _where(lambda name, ours, theirs: name == "active" and (ours, theirs) == (True, None)),
        (("POST", "/Users", {"schemas": [USER], "userName": "ana"}),),
    ),
    Difference(
        "A PUT that does not name `active` leaves it as it was.",
        "Okta leaves it out; a user must be neither enabled nor disabled by omission.",
        lambda exchange: (
            {"active"} if exchange.method == "PUT" and "active" not in exchange.body else set()
        ),
        (_user(active=False), ("PUT", "/Users/<0>", {"schemas": [USER], "userName": "ana"})),
    ),
    Difference(
        "Empty text unassigns an attribute.",
        "Entra writes it to clear an attribute, and expects it to be absent afterwards.",
        _where(lambda _, ours, theirs: (ours, theirs) == (None, "")),
        (_user(title="T"), _replace("title", "")),
    ),
    Difference(
        "An element of which only labels are sent is dropped.",
        "An address without its value is none, and `emails pr` must not find it.",
        _where(lambda name, ours, theirs: name in MULTI_VALUED and _is_label(ours, theirs)),
        (_user(emails=[{"type": "other"}]),),
    ),
    Difference(
        "Two equal elements are one.",
        "RFC 7643 section 2.4: a value of a type is there once.",
        _where(
            lambda name, ours, theirs: (
                name in MULTI_VALUED and ours is not None and _without_doubles(theirs) == ours
            )
        ),
        (_user(emails=[{"value": "a@x.example.com", "type": "work"}] * 2),),
    ),
    Difference(
        "A value may stand in single quotes.",
        "Many clients write them, in filters and in paths.",
        lambda exchange: _outcome(
            "'" in exchange.condition and _we_do(exchange, they_say="invalidFilter")
        ),
        (_user(), ("FIND", "/Users", "userName eq 'ana'")),
    ),
    Difference(
        "A dot may stand behind the URN of a schema.",
        "Clients that take the URN for the name of an object write it so.",
        lambda exchange: (
            {"schemas", f"{ENTERPRISE}:department", OUTCOME} & differing(exchange)
            if _writes_any(exchange, lambda name, _: name.startswith(f"{ENTERPRISE}."))
            else set()
        ),
        (_user(), _replace(f"{ENTERPRISE}.department", "D")),
    ),
    Difference(
        "An added value that is there already is not added again, whatever its type.",
        "Entra creates a role with a type and adds it again without; both mean one role.",
        _merged,
        (
            _user(roles=[{"value": "r", "type": "t"}]),
            _patch({"op": "add", "path": "roles", "value": [{"value": "r"}]}),
        ),
    ),
    Difference(
        "`ne` on a multi-valued attribute holds if one of its values differs.",
        "RFC 7644 section 3.4.2.2: a filter matches if any of several values does. The other "
        "server takes it as: none is equal. `not (... eq ...)` says that to both.",
        _found_by(_NE_OF_SEVERAL),
        (
            _user(roles=[{"value": "a"}, {"value": "b"}]),
            ("FIND", "/Users", 'roles.value ne "a"'),
        ),
    ),
    Difference(
        "A filter on an attribute that the schema does not have finds nothing.",
        "An attribute mapping that the service does not know must not stop a synchronisation.",
        lambda exchange: _outcome(
            "shoeSize" in exchange.path and _we_do(exchange, they_say="invalidFilter")
        ),
        (_user(), ("FIND", "/Users", 'shoeSize eq "9"')),
    ),
    Difference(
        "An enterprise attribute may stand without its URN in a filter.",
        "Entra checks a manager with `manager eq`.",
        lambda exchange: _outcome(
            exchange.condition.startswith("manager") and _we_do(exchange, they_say="invalidFilter")
        ),
        (
            _user(**{ENTERPRISE: {"manager": {"value": "m"}}}),
            ("FIND", "/Users", 'manager eq "m"'),
        ),
    ),
    Difference(
        "An enterprise attribute may stand without its URN in a resource or a path.",
        "Entra's older mappings write them so.",
        lambda exchange: (
            {"schemas", f"{ENTERPRISE}:department"} & differing(exchange)
            if _writes_any(exchange, lambda name, _: name == "department")
            else set()
        ),
        (_user(), _replace("department", "D")),
    ),
    Difference(
        "A manager may be bare text.",
        "Entra writes its id as it is; the answer is the object of RFC 7643 section 4.3.",
        lambda exchange: _outcome(
            _we_do(exchange, they_say="invalidValue")
            and _writes_any(
                exchange, lambda name, value: name.endswith("manager") and isinstance(value, str)
            )
        ),
        (_user(), _replace(f"{ENTERPRISE}:manager", "m")),
    ),
    Difference(
        "A single value may stand in a list.",
        'Older jobs of Entra wrap it: `[{"$ref": null, "value": "x"}]`.',
        lambda exchange: _outcome(
            _we_do(exchange, they_say="invalidValue") and _writes_any(exchange, _is_wrapped)
        ),
        (_user(), _replace("title", [{"$ref": None, "value": "T"}])),
    ),
    Difference(
        "The value of an operation without a path may be a list of objects.",
        "Clients send it, and there is one thing that it can mean.",
        lambda exchange: _outcome(
            _we_do(exchange, they_say="invalidValue")
            and any(
                "path" not in each and isinstance(each["value"], list)
                for each in exchange.operations
            )
        ),
        (_user(), _patch({"op": "replace", "value": [{"title": "T"}]})),
    ),
    Difference(
        "A complex value may be JSON in a text.",
        "Entra's mapping AppRoleAssignmentsComplex sends roles so.",
        _where(
            lambda name, _, theirs: (
                name == "roles" and any(r.get("value", "").startswith("{") for r in theirs)
            )
        ),
        (_user(), _patch({"op": "add", "path": "roles", "value": [{"value": _ROLE}]})),
    ),
    Difference(
        "A read-only attribute is passed over in the value of an operation without a path.",
        "Okta sends `id` in a PATCH, and validators write what they have read; RFC 7644 section "
        "3.5.2 calls for an error. A path that names one is refused.",
        lambda exchange: _outcome(
            _we_do(exchange, they_say="mutability")
            and _writes_any(exchange, lambda name, _: name in READ_ONLY)
        ),
        (_user(), _patch({"op": "replace", "value": {"id": "x", "title": "T"}})),
    ),
    Difference(
        "An operation without the value that it needs is answered invalidSyntax.",
        "The message is not what its schema asks for; no attribute is at fault.",
        lambda exchange: (
            {"scimType"}
            if (exchange.ours.scim_type, exchange.theirs.scim_type)
            == ("invalidSyntax", "invalidValue")
            and any("value" not in each for each in exchange.operations)
            else set()
        ),
        (_user(), _patch({"op": "replace", "path": "active"})),
        is_lasting=False,
    ),
    Difference(
        "Of several primary values one stays so.",
        "A directory that holds two is taken as it is rather than kept out.",
        lambda exchange: _outcome(
            _we_do(exchange, they_say="invalidValue") and _writes_any(exchange, _primaries)
        ),
        (
            _user(
                emails=[
                    {"value": "a@x.example.com", "primary": True},
                    {"value": "b@x.example.com", "primary": True},
                ]
            ),
        ),
    ),
    Difference(
        "A multi-valued attribute may be sent as one value, and a complex value as text.",
        "Small clients write `emails` as an object or as addresses.",
        lambda exchange: _outcome(
            _we_do(exchange, they_say="invalidValue") and _writes_any(exchange, _is_loose)
        ),
        (_user(emails=["a@x.example.com"]),),
    ),
    Difference(
        "Formats are not checked.",
        "A value is kept as the directory has it; Entra's validators send random text.",
        lambda exchange: _outcome(
            _we_do(exchange, they_say="invalidValue")
            and _writes_any(exchange, lambda name, _: name == "profileUrl")
        ),
        (_user(profileUrl="no url"),),
    ),
    Difference(
        "The schema URI of a resource may be missing among others.",
        "Entra's groups and extensions name what they like; the endpoint tells the type.",
        lambda exchange: _outcome(
            _we_do(exchange, they_say="invalidSyntax")
            and _writes_any(exchange, lambda name, value: (name, value) == ("schemas", ["urn:x"]))
        ),
        (("POST", "/Users", {"schemas": ["urn:x"], "userName": "ana", "active": True}),),
    ),
    Difference(
        "`schemas` names the schemas that the service has, and no others.",
        "RFC 7643 section 3: it tells what a resource is made of. Entra's groups name one more.",
        _where(
            lambda name, ours, theirs: (
                name == "schemas" and set(theirs) - set(ours) == {GROUP_SCHEMAS[1]}
            )
        ),
        (("POST", "/Groups", {"schemas": GROUP_SCHEMAS, "displayName": "G"}),),
        is_lasting=False,
    ),
    Difference(
        "`schemas` names all schemas of a resource, also where a projection hides their values.",
        "It says what the resource is, and is always returned.",
        lambda exchange: (
            _where(
                lambda name, ours, theirs: (
                    name == "schemas" and set(ours) - set(theirs) == {ENTERPRISE}
                )
            )(exchange)
            if "ttributes=" in exchange.path
            else set()
        ),
        (
            _user(**{ENTERPRISE: {"department": "D"}}),
            ("GET", "/Users/<0>?attributes=userName", None),
        ),
        is_lasting=False,
    ),
    Difference(
        "A blank userName is refused.",
        "Nobody can be found by it.",
        lambda exchange: _outcome(
            exchange.ours.scim_type == "invalidValue"
            and _writes_any(exchange, lambda name, value: (name, value) == ("userName", ""))
        ),
        (_user(""),),
    ),
    Difference(
        "One attribute under two names, with two values, is refused.",
        "One of the two would be lost.",
        lambda exchange: _outcome(
            exchange.ours.scim_type == "invalidValue" and _says_twice(exchange.body)
        ),
        (
            _user(),
            _patch({"op": "replace", "value": {"name": {"givenName": "A"}, "name.givenName": "B"}}),
        ),
    ),
    Difference(
        'Only "true" and "false" are booleans as text.',
        "What else a text means nobody has said.",
        lambda exchange: _outcome(
            exchange.ours.scim_type == "invalidValue"
            and _writes_any(exchange, lambda name, value: (name, value) == ("active", "yes"))
        ),
        (_user(active="yes"),),
    ),
    Difference(
        "A group's displayName is unique.",
        "Entra matches groups by it and asks for that.",
        lambda exchange: _outcome(
            (exchange.path, exchange.ours.status, exchange.theirs.status) == ("/Groups", 409, 201)
        ),
        (
            ("POST", "/Groups", {"schemas": [GROUP], "displayName": "G"}),
            ("POST", "/Groups", {"schemas": [GROUP], "displayName": "g"}),
        ),
    ),
    Difference(
        "A group without members shows an empty list.",
        "A client that compares sees that it was read, and has none.",
        _where(lambda name, ours, theirs: name == "members" and (ours, theirs) == ([], None)),
        (("POST", "/Groups", {"schemas": [GROUP], "displayName": "G"}),),
        is_lasting=False,
    ),
    Difference(
        "A member that is neither a user nor a group is left out.",
        "One stale id must not stand in a group, nor block the others.",
        _where(lambda name, ours, theirs: name == "members" and ours == [] and _are_ids(theirs)),
        (
            ("POST", "/Groups", {"schemas": [GROUP], "displayName": "G"}),
            (
                "PATCH",
                "/Groups/<0>",
                [{"op": "add", "path": "members", "value": [{"value": "nobody"}]}],
            ),
        ),
    ),
    Difference(
        "A member names its type.",
        "RFC 7643 section 4.2 has it.",
        _where(
            lambda name, ours, theirs: (
                name == "members" and ours == [{**m, "type": "User"} for m in theirs or ()]
            )
        ),
        (
            _user(),
            (
                "POST",
                "/Groups",
                {"schemas": [GROUP], "displayName": "G", "members": [{"value": "<0>"}]},
            ),
        ),
        is_lasting=False,
    ),
    Difference(
        "A user shows the groups that it is in.",
        "RFC 7643 section 4.1.2; the other server does not compute them.",
        _where(lambda name, _, theirs: name == "groups" and theirs is None),
        (
            _user(),
            (
                "POST",
                "/Groups",
                {"schemas": [GROUP], "displayName": "G", "members": [{"value": "<0>"}]},
            ),
            ("GET", "/Users/<0>", None),
        ),
        is_lasting=False,
    ),
    Difference(
        "A deleted user is in no group.",
        "Nobody can be a member who is not there; the other server keeps the reference.",
        _is_left_by_deleted_users,
        (
            _user(),
            (
                "POST",
                "/Groups",
                {"schemas": [GROUP], "displayName": "G", "members": [{"value": "<0>"}]},
            ),
            ("DELETE", "/Users/<0>", None),
            ("GET", "/Groups/<1>", None),
        ),
    ),
    Difference(
        "Of `attributes` and `excludedAttributes` together, the first counts.",
        "What a client names it needs; an error would help nobody.",
        lambda exchange: _outcome(
            "excludedAttributes" in exchange.path and _we_do(exchange, they_say="invalidValue")
        ),
        (_user(), ("GET", "/Users/<0>?attributes=userName&excludedAttributes=title", None)),
    ),
    Difference(
        "Users of a bulk request may be each other's managers.",
        "RFC 7644 section 3.7.1 asks for an attempt at it; the other server answers 409.",
        _has_managers,
        (
            _bulk(
                bulk_user("a", "ana", **{ENTERPRISE: {"manager": {"value": "bulkId:b"}}}),
                bulk_user("b", "bo", **{ENTERPRISE: {"manager": {"value": "bulkId:a"}}}),
            ),
        ),
    ),
    Difference(
        "A bulk request with a mistake in its form is refused whole.",
        "A reference that leads nowhere is a mistake of its author, who finds nothing half done.",
        lambda exchange: _outcome(
            (exchange.path, exchange.ours.scim_type) == ("/Bulk", "invalidValue")
        ),
        (_bulk(bulk_user("a", "ana", title="bulkId:z")),),
    ),
)
