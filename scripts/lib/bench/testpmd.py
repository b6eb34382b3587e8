# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd in macswap mode: receive, swap the MAC addresses, transmit. The floor."""
import json
import os
import socket

from .machine import find_program, memory_arguments
from .program import Program

PROGRAM = "dpdk-testpmd"
ANSWER_SIZE = 65536


class Testpmd(Program):
    name = "macswap"
    socket_kind = socket.SOCK_SEQPACKET

    def __init__(self, directory, cpus, device, mbufs, hugepages):
        super().__init__(directory, cpus)
        self.device = device
        self.mbufs = mbufs
        self.hugepages = hugepages
        self.greeted = False

    def command(self):
        main, worker = self.cpus
        memory = memory_arguments(self.mbufs, self.hugepages)
        return [
            find_program(PROGRAM), "-l", f"{main},{worker}", "--main-lcore", str(main), "--no-pci", *memory,
            "--file-prefix", "bench", "--vdev", self.device, "--",
            "--forward-mode=macswap", "--port-topology=loop", "--nb-cores=1", "--burst=32",
            f"--total-num-mbufs={self.mbufs}", "--no-flush-rx", "--no-lsc-interrupt",
        ]

    def socket_path(self):
        return os.path.join(self.directory, "dpdk", "bench", "dpdk_telemetry.v2")

    def counts(self):
        if not self.greeted:
            self.connection.recv(ANSWER_SIZE)  # DPDK tells its version first
            self.greeted = True
        self.connection.sendall(b"/ethdev/stats,0")
        stats = json.loads(self.connection.recv(ANSWER_SIZE))["/ethdev/stats"]
        return (stats["ipackets"], stats["opackets"]) if stats else (0, 0)

    def stop(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
