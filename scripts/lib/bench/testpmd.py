# SPDX-License-Identifier: BSD-3-Clause
"""
dpdk-testpmd in macswap mode: receive from the first of its devices, swap the MAC addresses, transmit
to the last. The floor.
"""
import json
import os
import re
import socket
import time

from .machine import find_program
from .program import Program

PROGRAM = "dpdk-testpmd"
ANSWER_SIZE = 65536
# Two answers that come later than this, because others had the CPU, are not of one moment.
SAME_MOMENT_S = 0.002
TRIES = 20


class Testpmd(Program):
    name = "macswap"
    socket_kind = socket.SOCK_SEQPACKET

    def __init__(self, directory, cpus, devices, mbufs, eal):
        super().__init__(directory, cpus)
        self.devices = devices
        self.mbufs = mbufs
        self.eal = eal
        self.greeted = False

    def command(self):
        main, worker = self.cpus
        topology = "loop" if len(self.devices) == 1 else "paired"
        return [
            find_program(PROGRAM), "-l", f"{main},{worker}", "--main-lcore", str(main), "--no-pci",
            *self.eal, "--file-prefix", "bench", *(f"--vdev={device}" for device in self.devices), "--",
            "--forward-mode=macswap", f"--port-topology={topology}", "--nb-cores=1", "--burst=32",
            "--record-burst-stats",
            f"--total-num-mbufs={self.mbufs}", "--no-flush-rx", "--no-lsc-interrupt",
        ]

    def socket_path(self):
        return os.path.join(self.directory, "dpdk", "bench", "dpdk_telemetry.v2")

    def ask(self):
        """Statistics of the first and the last device, both asked for at once."""
        ports = (0, len(self.devices) - 1)
        for port in ports:
            self.connection.sendall(f"/ethdev/stats,{port}".encode())
        return [json.loads(self.connection.recv(ANSWER_SIZE))["/ethdev/stats"] for _ in ports]

    def counts(self):
        if not self.greeted:
            self.connection.recv(ANSWER_SIZE)  # DPDK tells its version first
            self.greeted = True
        for _ in range(TRIES):
            asked = time.monotonic()
            first, last = self.ask()
            if time.monotonic() - asked < SAME_MOMENT_S:
                return (first["ipackets"], last["opackets"]) if first and last else (0, 0)
        raise self.failure("does not answer in time: others have its CPU")

    def stop(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def polls(self):
        """When it has ended: iterations over its ports, and bursts that brought packets; it sends each
        of those as one."""
        with open(self.log_path) as file:
            counts = re.findall(r"^ *([RT])X-bursts : (\d+)", file.read(), re.M)
        iterations, bursts = (
            max((int(count) for kind, count in counts if kind == wanted), default=0)
            for wanted in "RT"
        )
        if bursts == 0:
            raise self.failure("does not tell how often it polled")
        return iterations, bursts
