"""The attribute mapping: which column of the source lands at which path of a SCIM user.

It is the set that Entra maps by default, plus organisational attributes of the enterprise
extension. Everything else that knows an attribute (files, request bodies, read-back) walks it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

USER_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_SCHEMA: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MANAGER: Final = f"{ENTERPRISE_SCHEMA}:manager"
ROLE_TYPE: Final = "WindowsAzureActiveDirectoryRole"

COLUMNS: Final[Mapping[str, str]] = {
    "id": "externalId",
    "userName": "userName",
    "displayName": "displayName",
    "givenName": "name.givenName",
    "familyName": "name.familyName",
    "formattedName": "name.formatted",
    "title": "title",
    "nickName": "nickName",
    "userType": "userType",
    "preferredLanguage": "preferredLanguage",
    "locale": "locale",
    "timezone": "timezone",
    "email": 'emails[type eq "work"].value',
    "workPhone": 'phoneNumbers[type eq "work"].value',
    "mobilePhone": 'phoneNumbers[type eq "mobile"].value',
    "fax": 'phoneNumbers[type eq "fax"].value',
    "street": 'addresses[type eq "work"].streetAddress',
    "city": 'addresses[type eq "work"].locality',
    "region": 'addresses[type eq "work"].region',
    "postalCode": 'addresses[type eq "work"].postalCode',
    "country": 'addresses[type eq "work"].country',
    "role": 'roles[primary eq "True"].value',
    "employeeNumber": f"{ENTERPRISE_SCHEMA}:employeeNumber",
    "department": f"{ENTERPRISE_SCHEMA}:department",
    "costCenter": f"{ENTERPRISE_SCHEMA}:costCenter",
    "organization": f"{ENTERPRISE_SCHEMA}:organization",
    "division": f"{ENTERPRISE_SCHEMA}:division",
}
"""Column of a directory file -> path in Entra's notation."""

_PATH = re.compile(
    r"(?:(?P<extension>urn:.+):)?(?P<attribute>\w+)"
    r'(?:\[(?P<key>\w+) eq "(?P<value>[^"]*)"\])?(?:\.(?P<sub>\w+))?'
)


@dataclass(frozen=True, slots=True)
class Target:
    """A path of the mapping, taken apart.

    Attributes:
        path: as Entra writes it.
        extension: URN of the extension that holds the attribute, None for the core schema.
        attribute: name of the top-level attribute.
        selector: (sub-attribute, value) that picks the element of a multi-valued attribute.
        sub_attribute: name within the complex attribute or the element.
    """

    path: str
    extension: str | None
    attribute: str
    selector: tuple[str, str | bool] | None
    sub_attribute: str | None


def _parse(path: str) -> Target:
    match = _PATH.fullmatch(path)
    if match is None:
        raise ValueError(f"not a path of the mapping: {path}")
    key, text = match["key"], match["value"]
    # Entra compares the boolean primary with a string.
    value = text == "True" if key == "primary" else text
    return Target(
        path, match["extension"], match["attribute"], (key, value) if key else None, match["sub"]
    )


TARGETS: Final[Mapping[str, Target]] = {path: _parse(path) for path in COLUMNS.values()}
"""Path -> its parts, for every path of the mapping."""

SELECTED_ATTRIBUTES: Final = tuple(
    dict.fromkeys(target.attribute for target in TARGETS.values() if target.selector)
)
"""The multi-valued attributes of the mapping."""


def build_user(values: Mapping[str, str]) -> dict[str, Any]:
    """Build the attributes of a new user from values by path.

    Elements of one multi-valued attribute that share a selector become one element. As Entra
    does, the work e-mail and the work address are marked primary, and roles are always named.
    """
    resource: dict[str, Any] = {"roles": []}
    for path, value in values.items():
        _assign(resource, TARGETS[path], value)
    return resource


def _assign(resource: dict[str, Any], target: Target, value: str) -> None:
    holder = resource.setdefault(target.extension, {}) if target.extension else resource
    if target.selector is not None:
        holder = _element(holder.setdefault(target.attribute, []), target.attribute, target)
    elif target.sub_attribute is not None:
        holder = holder.setdefault(target.attribute, {})
    holder[target.sub_attribute or target.attribute] = value


def _element(elements: list[dict[str, Any]], attribute: str, target: Target) -> dict[str, Any]:
    found = matching(elements, target)
    if found:
        return found[0]
    key, value = target.selector or ("type", "")
    element: dict[str, Any] = {key: value}
    if attribute == "roles":
        element["type"] = ROLE_TYPE
    elif attribute in {"emails", "addresses"} and value == "work":
        element["primary"] = True
    elements.append(element)
    return element


def matching(elements: Any, target: Target) -> list[dict[str, Any]]:
    """Return the elements of a multi-valued attribute that the target's selector picks."""
    if target.selector is None or not isinstance(elements, list):
        return []
    key, value = target.selector
    return [each for each in elements if isinstance(each, dict) and each.get(key) == value]


def values_at(resource: Mapping[str, Any], target: Target) -> list[Any]:
    """Return what a resource shows at a path: nothing, one value, or several (a fault)."""
    found: list[Any]
    holder: Any = resource.get(target.extension) if target.extension else resource
    value = holder.get(target.attribute) if isinstance(holder, dict) else None
    if target.selector is not None:
        found = [each.get(target.sub_attribute or "value") for each in matching(value, target)]
    elif target.sub_attribute is not None:
        found = [value.get(target.sub_attribute)] if isinstance(value, dict) else []
    else:
        found = [value]
    return [each for each in found if each is not None]


def read_values(resource: Mapping[str, Any]) -> dict[str, str]:
    """Read the mapped values of a resource that the service returned, by path."""
    read = {path: values_at(resource, target) for path, target in TARGETS.items()}
    return {path: str(found[0]) for path, found in read.items() if found}
