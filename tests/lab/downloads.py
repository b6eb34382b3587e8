# SPDX-License-Identifier: BSD-3-Clause
"""Connections that download for as long as they are wanted.

usage: downloads.py COUNT BYTES_PER_SECOND HOST URL_PATH

Each connection asks for the file again and again, and reads it at the given rate, so that how fast
the machine is decides nothing. Told to end (SIGTERM), it reads what is left at full speed, asks once
more, to show that it still works, and closes. Prints a line for each when it is over: `whole NAME`,
where NAME is that of the server that answered (its X-Backend), or `broken NAME REASON`. Its receive
buffer is small: what it has not read yet is still with the server.
"""

import asyncio
import signal
import socket
import sys

READ_SIZE = 8192
RECEIVE_BUFFER = 32768
# no connection is without a byte for so long unless it is broken
PATIENCE_SECONDS = 40
PORT = 80


class Download:
    def __init__(self, rate, host, path, ending):
        self.rate, self.host, self.path, self.ending = rate, host, path, ending
        self.socket = None
        self.server = None

    async def connect(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.socket.setblocking(False)
        await self.wait(asyncio.get_running_loop().sock_connect(self.socket, (self.host, PORT)))

    @staticmethod
    async def wait(coming):
        return await asyncio.wait_for(coming, PATIENCE_SECONDS)

    async def receive(self):
        data = await self.wait(asyncio.get_running_loop().sock_recv(self.socket, READ_SIZE))
        if not data:
            raise ConnectionResetError("closed in the middle")
        return data

    async def rest(self):
        """Between two reads, or until it is told to end."""
        try:
            await asyncio.wait_for(self.ending.wait(), READ_SIZE / self.rate)
        except asyncio.TimeoutError:
            pass

    async def fetch(self):
        """The file once, over the connection."""
        request = f"GET {self.path} HTTP/1.1\r\nHost: lab\r\n\r\n".encode()
        await self.wait(asyncio.get_running_loop().sock_sendall(self.socket, request))
        data = b""
        while b"\r\n\r\n" not in data:
            data += await self.receive()
        head, data = data.split(b"\r\n\r\n", 1)
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        if self.server is None:
            self.server = fields["X-Backend"]
            print(f"begun {self.server}", flush=True)
        missing = int(fields["Content-Length"]) - len(data)
        while missing > 0:
            await self.rest()
            missing -= len(await self.receive())

    async def run(self):
        try:
            await self.connect()
            while not self.ending.is_set():
                await self.fetch()
            await self.fetch()
            print(f"whole {self.server}", flush=True)
        except (OSError, asyncio.TimeoutError, KeyError, ValueError) as error:
            print(f"broken {self.server} {error!r}", flush=True)
        finally:
            self.socket.close()


async def main():
    count, rate, host, path = sys.argv[1:]
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    downloads = [Download(float(rate), host, path, ending) for _ in range(int(count))]
    await asyncio.gather(*(download.run() for download in downloads))


asyncio.run(main())
