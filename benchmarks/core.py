"""The SCIM core alone: pure functions, without the app around them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, figure
from benchmarks.operations import PAGE
from benchmarks.people import ENTERPRISE, patch, person
from shared.scim import documents, filters
from shared.scim import patch as patches
from shared.scim.catalogue import Catalogue
from shared.scim.messages import list_response, parse_patch
from shared.scim.projection import Projection

if TYPE_CHECKING:
    from collections.abc import Callable

_ROUNDS = 9
_SECONDS = 0.05
"""CPU time of a round."""

FILTER = 'emails[type eq "work" and value co "@example.com"] and not (active eq false)'


@dataclass(frozen=True, slots=True)
class Pure:
    """CPU of one call.

    Attributes:
        name: What is done.
        target: Microseconds that it should take at most.
        microseconds: What it takes.
    """

    name: str
    target: float
    microseconds: Figure


def measure() -> list[Pure]:
    """Measure the core."""
    catalogue = Catalogue()
    user_type = catalogue.user
    body = json.dumps(person(1))
    operations = json.dumps(
        patch(
            {"op": "Replace", "path": "displayName", "value": "Ana Ruiz"},
            {"op": "Add", "path": 'emails[type eq "work"].value', "value": "ana@example.com"},
            {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": "Sales"},
            {"op": "Replace", "path": "active", "value": "False"},
        )
    )
    projection = Projection.parse(user_type, None, None)
    stored = [documents.create(user_type, person(n)) for n in range(PAGE)]

    def shown(document: dict[str, Any]) -> dict[str, Any]:
        resource = documents.present(
            user_type,
            document,
            id="0" * 32,
            created="2025-01-01T00:00:00Z",
            modified="2025-01-01T00:00:00Z",
            version='W/"1"',
            location="https://id.example.com/scim/v2/Users/" + "0" * 32,
        )
        return projection.apply(resource)

    def user() -> str:
        document = documents.create(user_type, json.loads(body))
        changed = patches.apply(user_type, document, parse_patch(json.loads(operations)))
        return json.dumps(shown(changed))

    def page() -> str:
        return json.dumps(list_response([shown(each) for each in stored], PAGE, 1, None))

    return [
        Pure("user: parse, create, PATCH of 4 operations, present, dump", 150, _spent(user)),
        Pure("filter: parse", 30, _spent(lambda: filters.parse_filter(FILTER, user_type))),
        Pure(f"page of {PAGE}: present, dump", 5_000, _spent(page)),
    ]


def _spent(call: Callable[[], object]) -> Figure:
    """Return the CPU of a call, in microseconds."""
    call()
    rounds = []
    for _ in range(_ROUNDS):
        done, begun = 0, time.process_time()
        while (seconds := time.process_time() - begun) < _SECONDS:
            for _ in range(10):
                call()
            done += 10
        rounds.append([seconds / done * 1e6])
    found = figure(rounds)
    if found is None:
        raise ValueError("nothing was measured")
    return found
