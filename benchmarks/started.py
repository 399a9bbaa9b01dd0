"""A worker process that is started, indexes an app, answers, and says when: `benchmarks.start`.

    python -m benchmarks.started <folder of the app> <time of its start> <seconds of pause> <URL>

The time is in seconds since 1970. Between indexing and the first request it pauses. Prints a line
of JSON: `indexed` and `answered` are `[seconds since the start, seconds of CPU]`, `waited` is how
long the first request took, `again` the second one, in seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

from tests.support.fakes.azure_names import lead_to_loopback
from tests.support.fakes.worker import Worker


async def start(folder: str, began: float, pause: float, url: str) -> None:
    """Index the app of a folder, then send the same request twice."""

    def now() -> tuple[float, float]:
        return time.time() - began, time.process_time()

    headers = {"authorization": f"Bearer {os.environ['TOKEN_OF_THE_BENCHMARK']}"}

    async def ask() -> None:
        answer = await worker.invoke("users", url=url, headers=headers)
        if answer.status != 200:
            raise RuntimeError(f"{url} was answered {answer.status}: {answer.body.decode()}")

    worker = await Worker.start(folder)
    indexed = now()
    await asyncio.sleep(pause)
    sent = now()
    await ask()
    answered = now()
    await ask()
    again = now()
    moments = {
        "indexed": indexed,
        "answered": answered,
        "waited": answered[0] - sent[0],
        "again": again[0] - answered[0],
    }
    print(json.dumps(moments))
    await sys.modules["shared.web.services"].current().close()


if __name__ == "__main__":
    app, began, pause, url = sys.argv[1:]
    lead_to_loopback(json.loads(os.environ.get("PORTS_OF_NAMES", "{}")))
    sys.path.insert(0, app)
    asyncio.run(start(app, float(began), float(pause), url))
