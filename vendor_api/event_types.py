"""Types of events: which there are in this deployment."""

from shared.events.event import GUARD_HELD, types_of
from shared.scim.catalogue import Catalogue


def known_types(catalogue: Catalogue) -> frozenset[str]:
    """Name the types of the events that there can be."""
    of_resources = {each for of in catalogue.resource_types for each in types_of(of.name)}
    return frozenset(of_resources | {GUARD_HELD})
