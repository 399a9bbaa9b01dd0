"""Which part of the program a stack belongs to."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from benchmarks.sampling import CLIENT, LOOP, RUNTIME, SCIM, STORE, WEB, part_of, sampled, shares
from shared.scim import filters
from shared.scim.catalogue import Catalogue


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("/app/shared/scim/patch.py", SCIM),
        ("/app/shared/store/users.py", STORE),
        ("/app/shared/tables/rest/client.py", CLIENT),
        ("/lib/site-packages/aiohttp/client.py", CLIENT),
        ("/app/shared/web/endpoints.py", WEB),
        ("/app/shared/settings.py", WEB),
        ("/app/scim_users/handlers.py", WEB),
        ("/lib/site-packages/azure_functions_runtime/handle_event.py", RUNTIME),
        ("/lib/site-packages/azure/functions/_http.py", RUNTIME),
        ("/lib/python3.13/asyncio/base_events.py", LOOP),
        ("/lib/python3.13/json/decoder.py", None),
        ("<frozen importlib>", None),
    ],
)
def test_a_file_belongs_to_a_part(file: str, part: str | None) -> None:
    assert part_of(file) == part


def test_cpu_time_is_found_where_it_is_spent() -> None:
    user_type = Catalogue().user
    with sampled() as counts:
        until = time.process_time() + 0.2
        while time.process_time() < until:
            filters.parse_filter('userName eq "x" and active eq true', user_type)
    assert counts[SCIM] > 0.8 * counts.total() > 0


def test_shares_are_fractions_of_the_samples() -> None:
    found = shares(Counter({SCIM: 1, CLIENT: 3}))
    assert (found[SCIM], found[CLIENT], found[STORE]) == (0.25, 0.75, 0.0)
    assert set(shares(Counter()).values()) == {0.0}
