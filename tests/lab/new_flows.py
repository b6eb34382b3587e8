# SPDX-License-Identifier: BSD-3-Clause
"""A client that opens a connection every few milliseconds until it is told to end (SIGTERM).

usage: new_flows.py PERIOD_MS HOST

Prints a line for each connection when it is over: `BEGUN_US NAME`, the time at which it was begun
and the X-Backend of the server that answered, or `BEGUN_US none REASON`.
"""

import asyncio
import re
import signal
import sys
import time

PORT = 80
# a SYN is sent again after 1, 3 and 7 s
PATIENCE_SECONDS = 10


async def fetch(host):
    reader, writer = await asyncio.open_connection(host, PORT)
    try:
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        return re.search(rb"X-Backend: (\S+)", answer)[1].decode()
    finally:
        writer.transport.abort()  # leaves no TIME_WAIT


async def connect(host):
    begun_us = time.time_ns() // 1000
    try:
        who = await asyncio.wait_for(fetch(host), PATIENCE_SECONDS)
    except (OSError, TypeError, asyncio.TimeoutError) as error:
        who = f"none {error!r}"
    print(begun_us, who, flush=True)


async def main():
    period_ms, host = sys.argv[1:]
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    connections = []
    while not ending.is_set():
        connections = [one for one in connections if not one.done()]
        connections.append(asyncio.create_task(connect(host)))
        await asyncio.sleep(float(period_ms) / 1000)
    await asyncio.gather(*connections)


asyncio.run(main())
