"""When a line of the log that repeats is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.notices import Notices

if TYPE_CHECKING:
    from tests.support.fakes.clock import Time


def test_a_subject_is_due_once_in_a_while_whatever_the_others_are(clock: Time) -> None:
    notices = Notices(60.0, clock.clock())
    assert [notices.is_due(each) for each in ("a", "a", "b", "a", "b")] == [
        True,
        False,
        True,
        False,
        False,
    ]
    clock.steady += 59.9
    assert not notices.is_due("a")
    clock.steady += 0.2
    assert notices.is_due("a")
    assert not notices.is_due("a")
