# SPDX-License-Identifier: BSD-3-Clause
"""
build/tests/bench/bench_generator, which sends packets of many flows to the VIP, by a wire to another
program. The wire is a pair of virtio rings in the memory of that program, which the generator fills
and empties as a NIC would (vhost-user).
"""
import json
import os
import select
import subprocess

from .machine import memory_arguments
from .program import ANSWER_SECONDS, Program
from .rows import VIP, VIP_PORT

FRAME_SIZE = 64
AS_MANY_AS_POSSIBLE = 0
MBUFS = 8192
PORT_MAC = "02:02:02:02:02:02"  # to which the generator sends
RING = "packed_vq=1,mrg_rxbuf=0,in_order=1,vectorized=1,queue_size=1024"
SINK = "net_null0,no-rx=1"  # for what is not to come back
# For EAL of the program at the far end: one file for all of its memory, because the generator can
# map no more than eight; and AVX-512, without which the driver takes the slower of its two ways.
FAR_END_EAL = ["--single-file-segments", "--force-max-simd-bitwidth=512"]


class Generator(Program):
    name = "generator"

    def __init__(self, directory, cpus, build, hugepages):
        super().__init__(directory, cpus)
        self.build = build
        self.hugepages = hugepages

    def command(self):
        return [
            os.path.join(self.build, "tests", "bench", "bench_generator"),
            "--lcores", f"0@{self.cpus[0]}", "--no-pci", "--no-telemetry", "--log-level=error",
            *memory_arguments(MBUFS, self.hugepages),
            f"--vdev=net_vhost0,iface={self.socket_path()}", "--", VIP, str(VIP_PORT),
        ]

    def output(self, log):
        return subprocess.PIPE

    def socket_path(self):
        """Where the far end of the wire is plugged in."""
        return os.path.join(self.directory, "wire")

    def far_end(self):
        """The device of the program that is to receive."""
        return f"net_virtio_user0,mac={PORT_MAC},path={self.socket_path()},{RING}"

    def connect(self):
        return self.process.stdout if os.path.exists(self.socket_path()) else None

    def carries_packets(self):
        """It has no receiver yet, but it answers."""
        return self.call("counts")

    def call(self, line):
        """Gives one of the orders in generator.c. Returns what it counted: sent, refused, received."""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], ANSWER_SECONDS)[0]:
            raise self.failure(f"does not answer {line} within {ANSWER_SECONDS} s")
        answer = self.process.stdout.readline()
        if not answer:
            raise self.failure(f"does not answer {line}")
        return json.loads(answer)

    def start(self, flows, rate=AS_MANY_AS_POSSIBLE):
        return self.call(f"start {flows} {FRAME_SIZE} {rate}")

    def counts(self):
        answer = self.call("counts")
        return answer["received"], answer["sent"]

    def stop(self):
        self.process.stdin.close()
