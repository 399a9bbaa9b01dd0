"""The bodies of /api/v1: whatever a member is, it is read or refused, and never a fault."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from endpoints import API

BODIES = {
    operation.body
    for endpoint in API.values()
    for operation in endpoint.operations.values()
    if operation.body is not None
}


@pytest.mark.parametrize(
    "value", [None, "", 0, -1, 1.5, True, [], [None], {}, {"a": None}, "x" * 5000]
)
@pytest.mark.parametrize("body", sorted(BODIES, key=repr))
def test_any_value_of_any_member_is_read_or_refused(body: type[BaseModel], value: Any) -> None:
    for name, field in body.model_fields.items():
        try:
            body.model_validate({field.alias or name: value})
        except ValidationError:
            continue
