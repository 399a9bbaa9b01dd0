import asyncio, time
from dataclasses import replace
from benchmarks.options import QUICK
from benchmarks import cpu, flat
async def main():
    t=time.time()
    o=replace(QUICK, rounds=3, repeats=100)
    tell=lambda s: print(f"{time.time()-t:6.1f}", s, flush=True)
    for c in await cpu.measure(o, tell):
        print(f"{c.operation:32} calls {c.calls:.2f} handler {c.handler.median:6.0f} aiohttp {c.by_aiohttp.median:6.0f} http {c.by_http_client.median:6.0f} x{c.multiple:.2f} runtime {c.runtime.median:6.0f}", {k:round(v*100) for k,v in c.shares.items()})
    for f in await flat.measure(replace(o, flat=(1000,5000)), tell):
        print(f.users, f.operation, f.calls, f.entities, round(f.microseconds.median))
asyncio.run(main())
