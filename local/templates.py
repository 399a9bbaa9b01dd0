"""Route templates of HTTP functions, matched as the Functions host matches them.

The host uses the router of ASP.NET Core: matching ignores case and one trailing slash, `{id}` is
one segment or a part of one, `{id?}` may be absent, `{id:guid}` holds to a constraint, `{*path}`
takes the rest of the path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from local.errors import LocalError

_PART = re.compile(r"\{(?P<parameter>[^{}]*)\}|(?P<literal>[^{}]+)")
_PARAMETER = re.compile(r"(?P<rest>\*{0,2})(?P<name>\w+)(?::(?P<constraint>\w+))?(?P<optional>\??)")
_CONSTRAINTS = {
    None: r"[^/]+",
    "alpha": r"[a-z]+",
    "bool": r"true|false",
    "guid": r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}",
    "int": r"-?[0-9]{1,10}",
    "long": r"-?[0-9]{1,19}",
}


@dataclass(frozen=True, slots=True)
class Template:
    """A route template, ready to be matched against decoded paths.

    Attributes:
        text: The template as it is matched, with the route prefix.
        pattern: The whole path without its first slash; one group for each parameter.
        names: The parameters, in the order of the groups.
    """

    text: str
    pattern: re.Pattern[str]
    names: tuple[str, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """Return the parameters that a path gives, or None when it is not a path of this template.

        Args:
            path: Decoded path without its first slash. An absent optional parameter is left out.
        """
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        return {
            name: value for name, value in zip(self.names, found.groups(), strict=True) if value
        }


def parse(route: str, prefix: str) -> Template:
    """Read the route of a function; `prefix` is the routePrefix of host.json.

    Raises:
        LocalError: The host, or this stand-in for it, does not understand the template.
    """
    text = "/".join(part for part in (prefix.strip("/"), route.strip("/")) if part)
    names: list[str] = []
    pattern = ""
    for segment in text.split("/"):
        pattern += _segment(segment, "/" if pattern else "", names)
    if len({name.lower() for name in names}) < len(names):
        raise LocalError(f'route "{text}": a parameter stands in it twice')
    return Template(text, re.compile(pattern + "/?", re.IGNORECASE | re.DOTALL), tuple(names))


def _segment(segment: str, slash: str, names: list[str]) -> str:
    """Write the pattern of one segment with the slash before it; add its parameters to `names`."""
    parts = list(_PART.finditer(segment))
    if "".join(part[0] for part in parts) != segment:
        raise LocalError(f'route segment "{segment}": its braces do not match')
    if len(parts) == 1 and parts[0]["parameter"] is not None:
        return _parameter(parts[0]["parameter"], slash, names)
    return slash + "".join(
        re.escape(part["literal"]) if part["literal"] else _parameter(part["parameter"], "", names)
        for part in parts
    )


def _parameter(text: str, slash: str, names: list[str]) -> str:
    """Write the pattern of one parameter, where an optional one takes the slash before it along."""
    found = _PARAMETER.fullmatch(text)
    if found is None or found["constraint"] not in _CONSTRAINTS:
        raise LocalError(f'route parameter "{{{text}}}": the stand-in host does not understand it')
    names.append(found["name"])
    value = ".*" if found["rest"] else _CONSTRAINTS[found["constraint"]]
    absent_too = "?" if found["rest"] or found["optional"] else ""
    return f"(?:{slash}({value})){absent_too}"
