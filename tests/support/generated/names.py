"""Names as clients get them wrong, made of the names that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.scim.schema import AttributePath, ResourceType


def wrong_names(of: ResourceType, path: AttributePath) -> Iterator[str]:
    """Yield names that can only be meant for an attribute, and are not its name."""
    name, urn = path.attribute.name, path.extension or of.schema.id
    without_colon = urn.rpartition(":")[0] + urn.rpartition(":")[2]
    for spelling in (urn, urn.upper(), without_colon):
        yield from (
            f"{spelling}{between}{name}" for between in ("..", "/", "#", "", ":User:", "::")
        )
        yield from (f"{spelling}:{name}.", f"{spelling}:{name}.$")
    yield from (f"$.{name}", f"{name}.$", f"{name}.$.value", f"{name}..value", f"{name}.0")
    yield from (f"{of.name}.{name}", f"{of.name.upper()}.{name}")
    yield from _misplaced(of, path)
    if path.attribute.type != "complex":
        yield from (f"{path.text}.x", f"{path.text}.value.x", f"{path.text}.{name}")
    for sub in path.attribute.sub_attributes:
        yield from (f"{path.text}.{sub.name}.x", f"{path.text}.{sub.name}.$")


def _misplaced(of: ResourceType, path: AttributePath) -> Iterator[str]:
    """Yield the attribute under the URN of every other schema, of its type and of others."""
    urns = {schema.id for schema in (of.schema, *of.extensions)}
    others = {f"urn:ietf:params:scim:schemas:core:2.0:{name}" for name in ("User", "Group")}
    for urn in sorted(urns | others):
        for between in (":", "."):
            text = f"{urn}{between}{path.attribute.name}"
            if of.find(text) is None:
                yield text
