# SPDX-License-Identifier: BSD-3-Clause
"""The clients of churn.sh: visitors, downloads and connections that are idle, all at once.

usage: churn_clients.py SECONDS SEED FILE REPORT ADDRESS...

Every connection goes to one of the addresses and lives as long as its own plan says, whatever
happens meanwhile. The run lasts for SECONDS, and then until SIGTERM. Connections to port 80 (the
web server, which is restarted once no client is connected to it) last for seconds; those to port
8080 (the file server beside it, which stays) last for the whole run. Downloads are compared with
FILE. `ready` is printed once the first of each are connected; the sums are written to REPORT as
JSON. Exit status 0 even if connections broke: the caller judges.
"""

import asyncio
import collections
import dataclasses
import hashlib
import json
import pathlib
import random
import signal
import sys
import time

WEB_PORT = 80
FILES_PORT = 8080
VISITORS = 40
SHORT_IDLERS = 100
LONG_IDLERS = 300
SHORT_DOWNLOADS = 6
LONG_DOWNLOADS = 16
VISIT_SECONDS = (0, 9)
IDLE_SECONDS = (3, 9)
# of an idle connection, from one byte to the next: well below the pool's observe_s
BYTE_PAUSE_SECONDS = (1, 8)
# a connection without any progress for so long has timed out
PATIENCE_SECONDS = 40
COMPLAINTS_SHOWN = 20
READ_SIZE = 65536


class BadAnswer(Exception):
    """The connection lives, and what came over it is not what was asked for."""


@dataclasses.dataclass
class Plan:
    """What is the same for all connections of a run."""

    seconds: float
    seed: int
    path: str  # of every download
    digest: str  # its SHA-256
    addresses: list
    started: float
    told: bool = False  # to end

    def is_over(self):
        return self.told and time.monotonic() >= self.started + self.seconds

    def tell(self):
        self.told = True


class Tally:
    """What became of the connections."""

    def __init__(self):
        self.counts = collections.Counter(
            opened=0, finished=0, reset=0, timed_out=0, wrong=0, bytes=0, requests=0, downloads=0
        )
        self.longest_wait = 0.0

    def complain(self, fate, connection, reason):
        self.counts[fate] += 1
        if self.counts["reset"] + self.counts["timed_out"] + self.counts["wrong"] <= COMPLAINTS_SHOWN:
            print(f"{time.strftime('%T')} {fate}: {connection}: {reason!r}", flush=True)

    def report(self):
        return dict(self.counts, longest_wait_ms=round(self.longest_wait * 1000))


class Connection:
    """One TCP connection and what is said over it."""

    def __init__(self, tally, kind, address, port):
        self.tally = tally
        self.kind = kind
        self.target = (address, port)
        self.reader = self.writer = None

    def __str__(self):
        local = self.writer.get_extra_info("sockname")[:2] if self.writer else "(not connected)"
        return f"{self.kind} from {local} to {self.target}"

    async def open(self):
        self.tally.counts["opened"] += 1
        self.reader, self.writer = await self.wait(asyncio.open_connection(*self.target))

    async def wait(self, coming):
        begun = time.monotonic()
        result = await asyncio.wait_for(coming, PATIENCE_SECONDS)
        self.tally.longest_wait = max(self.tally.longest_wait, time.monotonic() - begun)
        return result

    def send(self, data):
        self.writer.write(data)

    async def ask(self, path, last):
        """Returns the digest of the answer's body."""
        self.send(f"GET {path} HTTP/1.1\r\nHost: lab\r\n".encode() + self.end_of_head(last))
        return await self.take_answer()

    @staticmethod
    def end_of_head(last):
        return b"Connection: close\r\n\r\n" if last else b"\r\n"

    async def take_answer(self):
        head = await self.wait(self.reader.readuntil(b"\r\n\r\n"))
        if not head.startswith(b"HTTP/1.1 200 "):
            raise BadAnswer(head[:60])
        self.tally.counts["requests"] += 1
        digest = hashlib.sha256()
        missing = int(head.lower().split(b"content-length:")[1].split()[0])
        while missing > 0:
            data = await self.wait(self.reader.read(min(missing, READ_SIZE)))
            if not data:
                raise ConnectionResetError(f"closed with {missing} bytes missing")
            missing -= len(data)
            self.tally.counts["bytes"] += len(data)
            digest.update(data)
        return digest.hexdigest()

    async def stay_silent(self, seconds):
        """Nothing may come meanwhile, not even the end."""
        try:
            data = await asyncio.wait_for(self.reader.read(1), seconds)
        except asyncio.TimeoutError:
            return
        raise ConnectionResetError("closed by the server" if not data else "an answer to nothing")

    def close(self):
        if self.writer:
            self.writer.close()


async def visit(connection, plan, dice):
    """A browser: some requests, with pauses, over one connection."""
    until = time.monotonic() + dice.uniform(*VISIT_SECONDS)
    while time.monotonic() < until:
        await connection.ask("/", last=False)
        await connection.stay_silent(dice.uniform(0.05, 0.5))
    await connection.ask("/", last=True)


async def idle(connection, dice, is_over):
    """A request that is typed one byte at a time, and answered in the end."""
    connection.send(b"GET / HTTP/1.1\r\nHost: lab\r\nX-Typed: ")
    while not is_over():
        await connection.stay_silent(dice.uniform(*BYTE_PAUSE_SECONDS))
        connection.send(b"x")
    connection.send(b"\r\n" + connection.end_of_head(last=True))
    await connection.take_answer()


async def idle_shortly(connection, plan, dice):
    until = time.monotonic() + dice.uniform(*IDLE_SECONDS)
    await idle(connection, dice, lambda: time.monotonic() >= until)


async def idle_to_the_end(connection, plan, dice):
    await idle(connection, dice, plan.is_over)


async def download(connection, plan, dice):
    """The server sets the pace."""
    if await connection.ask(plan.path, last=True) != plan.digest:
        raise BadAnswer("another file")
    connection.tally.counts["downloads"] += 1


async def connect(tally, kind, address, port, life, plan, dice):
    """One connection, from its first packet to the verdict on it."""
    connection = Connection(tally, kind, address, port)
    try:
        await connection.open()
        await life(connection, plan, dice)
        tally.counts["finished"] += 1
    except (TimeoutError, asyncio.TimeoutError) as error:
        tally.complain("timed_out", connection, error)
    except (OSError, asyncio.IncompleteReadError) as error:
        tally.complain("reset", connection, error)
    except (BadAnswer, IndexError, ValueError) as error:
        tally.complain("wrong", connection, error)
    finally:
        connection.close()


async def repeat(number, tally, life, port, plan):
    """One connection after the other until the run is over."""
    kind = f"{life.__name__}-{number}"
    dice = random.Random(f"{plan.seed} {kind}")
    await asyncio.sleep(dice.uniform(0, 1))
    while not plan.is_over():
        await connect(tally, kind, dice.choice(plan.addresses), port, life, plan, dice)
        await asyncio.sleep(dice.uniform(0, 0.2))


async def once(number, tally, life, port, plan):
    """One connection; every second of them begins somewhere in the first half of the run."""
    kind = f"{life.__name__}-{number}"
    dice = random.Random(f"{plan.seed} {kind}")
    await asyncio.sleep(dice.uniform(0, plan.seconds / 2) if number % 2 else dice.uniform(0, 1))
    await connect(tally, kind, dice.choice(plan.addresses), port, life, plan, dice)


async def say_ready(tally):
    while tally.counts["requests"] < VISITORS:
        await asyncio.sleep(0.05)
    print("ready", flush=True)


async def run(plan):
    tally = Tally()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, plan.tell)
    crowd = [
        (repeat, VISITORS, visit, WEB_PORT),
        (repeat, SHORT_IDLERS, idle_shortly, WEB_PORT),
        (repeat, SHORT_DOWNLOADS, download, WEB_PORT),
        (once, LONG_IDLERS, idle_to_the_end, FILES_PORT),
        (repeat, LONG_DOWNLOADS, download, FILES_PORT),
    ]
    ready = asyncio.create_task(say_ready(tally))
    await asyncio.gather(
        *(how(i, tally, life, port, plan) for how, count, life, port in crowd for i in range(count))
    )
    ready.cancel()
    return tally.report()


def main():
    seconds, seed, file, report, *addresses = sys.argv[1:]
    digest = hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()
    path = "/payload/" + pathlib.Path(file).name
    plan = Plan(float(seconds), int(seed), path, digest, addresses, time.monotonic())
    sums = asyncio.run(run(plan))
    with open(report, "w", encoding="ascii") as file:
        json.dump(sums, file)


main()
