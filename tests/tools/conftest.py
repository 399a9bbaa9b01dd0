"""What the tests of the command-line tools share."""

from collections.abc import AsyncIterator

import pytest

from tests.fakes.recording_service import RecordingService, serving


@pytest.fixture
async def service() -> AsyncIterator[RecordingService]:
    """A service that records every request."""
    async with serving() as recording:
        yield recording
