"""The clients: one tenant each, with the headers that the client sends."""

import pytest

from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import Clients


@pytest.fixture
def entra(new_scim: Clients) -> Scim:
    """Microsoft Entra ID: GET requests ask for no media type, and bodies name their charset."""
    return new_scim().speaking(
        {"Accept": "*/*"}, {"Content-Type": "application/scim+json; charset=utf-8"}
    )


@pytest.fixture
def okta(new_scim: Clients) -> Scim:
    """Okta."""
    headers = {"Accept": "application/scim+json", "User-Agent": "Okta SCIM Client 1.0.0"}
    return new_scim().speaking(headers, {"Content-Type": "application/scim+json; charset=utf-8"})
