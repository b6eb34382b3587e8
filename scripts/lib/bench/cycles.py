# SPDX-License-Identifier: BSD-3-Clause
"""
Cycles per packet of a program's worker: the CPU time of its thread, times the frequency of the TSC,
over the packets of a window. CPU time and not wall-clock time, because what else runs on the
machine takes away from the rate, but (caches aside) not from this.
"""
import time
from dataclasses import dataclass

NS_PER_S = 1e9
# What else a program may do with a packet than forward it, before the figure means something else.
FORWARDED_LEAST = 0.99


@dataclass(frozen=True)
class Sample:
    cycles_per_packet: float
    packets_per_second: float  # by the wall clock
    cpu_share: float  # of the window that the worker had its CPU


@dataclass(frozen=True)
class Moment:
    wall_ns: int
    cpu_ns: int
    received: int
    forwarded: int


def thread_cpu_ns(pid, thread):
    """Time on the CPU, the first field of schedstat."""
    with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
        return int(file.read().split()[0])


def look(program, thread):
    received, forwarded = program.counts()
    return Moment(
        time.monotonic_ns(), thread_cpu_ns(program.process.pid, thread), received, forwarded
    )


def measure(program, tsc_hz, warm_up_s, window_s):
    """A Sample of a program that runs."""
    thread = program.worker_thread()
    time.sleep(warm_up_s)
    begin = look(program, thread)
    time.sleep(window_s)
    end = look(program, thread)
    packets = end.received - begin.received
    if packets == 0:
        raise program.failure("received no packet while it was measured")
    if end.forwarded - begin.forwarded < FORWARDED_LEAST * packets:
        raise program.failure(
            f"forwarded only {end.forwarded - begin.forwarded} of {packets} packets"
        )
    cpu_ns = end.cpu_ns - begin.cpu_ns
    wall_ns = end.wall_ns - begin.wall_ns
    return Sample(
        cycles_per_packet=cpu_ns / NS_PER_S * tsc_hz / packets,
        packets_per_second=packets / wall_ns * NS_PER_S,
        cpu_share=cpu_ns / wall_ns,
    )
