"""Answers about groups: what they cost in storage calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scim_groups.handlers import GROUPS
from shared.auth.tokens import DevelopmentTokens
from shared.web.services import Services

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.settings import Settings
    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from shared.web.requests import ScimRequest


async def test_a_group_that_is_created_empty_is_shown_without_looking_for_members(
    store: Store,
    context: RequestContext,
    settings: Settings,
    request_of: Callable[..., ScimRequest],
) -> None:
    """Entra creates every group empty."""
    body = {"displayName": "Sales"}
    request = request_of(method="POST", context=context, read=lambda: body)
    answer = await GROUPS.create(request, Services(settings, DevelopmentTokens({}), store))
    assert answer.body is not None
    assert answer.body["members"] == []
    assert context.meter.calls == 2
