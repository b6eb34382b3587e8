# SPDX-License-Identifier: BSD-3-Clause
"""
dpdk-testpmd in macswap mode: receive from the first of its devices, swap the MAC addresses, transmit
to the last. The floor.
"""
import json
import os
import socket

from .machine import find_program
from .program import Program

PROGRAM = "dpdk-testpmd"
ANSWER_SIZE = 65536


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
            f"--total-num-mbufs={self.mbufs}", "--no-flush-rx", "--no-lsc-interrupt",
        ]

    def socket_path(self):
        return os.path.join(self.directory, "dpdk", "bench", "dpdk_telemetry.v2")

    def count(self, port, what):
        self.connection.sendall(f"/ethdev/stats,{port}".encode())
        stats = json.loads(self.connection.recv(ANSWER_SIZE))["/ethdev/stats"]
        return stats[what] if stats else 0

    def counts(self):
        if not self.greeted:
            self.connection.recv(ANSWER_SIZE)  # DPDK tells its version first
            self.greeted = True
        return self.count(0, "ipackets"), self.count(len(self.devices) - 1, "opackets")

    def stop(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
