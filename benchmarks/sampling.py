"""Which part of the code the CPU of an operation goes to: samples of the stack by a CPU timer."""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

INTERVAL_SECONDS = 0.001
"""CPU time between samples; a kernel that counts time in larger ticks samples less often."""

SCIM, STORE, CLIENT = "SCIM core", "store", "client of Table Storage"
WEB, RUNTIME, LOOP = "web, tokens, log", "runtime library", "event loop"
PARTS = (SCIM, STORE, CLIENT, WEB, RUNTIME, LOOP)

_OF_FOLDERS = {
    "aiohttp": CLIENT,
    "yarl": CLIENT,
    "azure_functions_runtime": RUNTIME,
    "functions": RUNTIME,
    "asyncio": LOOP,
}


def part_of(file: str) -> str | None:
    """Tell which part of the program a source file belongs to; None for a library of no part."""
    folders = PurePath(file).parts[:-1]
    if "shared" in folders:
        match folders[folders.index("shared") + 1 :]:
            case ("scim", *_):
                return SCIM
            case ("tables", "rest", *_):
                return CLIENT
            case ("store" | "tables", *_):
                return STORE
            case _:
                return WEB
    if any(each.startswith("scim_") or each == "health" for each in folders):
        return WEB
    return next((_OF_FOLDERS[each] for each in folders[::-1] if each in _OF_FOLDERS), None)


@contextmanager
def sampled() -> Iterator[Counter[str]]:
    """Count, until the block ends, in which part the main thread was at each tick of its CPU time.

    A library that belongs to no part counts to whoever calls it, json in the store to the store.
    """
    counts: Counter[str] = Counter()

    def sample(number: int, frame: FrameType | None) -> None:
        del number
        while frame is not None:
            part = part_of(frame.f_code.co_filename)
            if part is not None:
                counts[part] += 1
                return
            frame = frame.f_back

    before = signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_SECONDS, INTERVAL_SECONDS)
    try:
        yield counts
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def shares(counts: Counter[str]) -> dict[str, float]:
    """Return the fraction of the samples in each part."""
    total = counts.total() or 1
    return {part: counts[part] / total for part in PARTS}
