import asyncio, time
from dataclasses import replace
from benchmarks.options import QUICK
from benchmarks.latency import measure
async def main():
    t=time.time()
    o=replace(QUICK, levels=(10,1000), own_levels=(), rounds=2)
    for l in await measure(o, lambda s: print(f"{time.time()-t:6.1f}", s, flush=True)):
        print(l.users, l.service, l.operation, l.milliseconds and round(l.milliseconds.median,2), l.milliseconds and l.milliseconds.samples, l.failure[:200])
asyncio.run(main())
