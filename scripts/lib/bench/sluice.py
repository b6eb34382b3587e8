# SPDX-License-Identifier: BSD-3-Clause
"""sluiced with one service, whose backends are behind a gateway at the last of its devices."""
import json
import os
import signal

from .program import Program
from .rows import BACKENDS, VIP, VIP_PORT

HASH_KEY = "3f9a1c07d2e84b65a0b7c31e94f8d62b"
GATEWAY_MAC = "02:00:00:00:00:01"
TUNNEL_SOURCE = "10.2.0.10"


def backends(count):
    return [
        {"name": f"web-{number}", "address": f"10.3.{number >> 8}.{number & 255}"}
        for number in range(1, count + 1)
    ]


def ports(devices, mtu):
    """The last of them leads to the backends."""
    made = [
        {"name": f"port-{number}", "device": device, "mtu": mtu, "host_path": "drop"}
        for number, device in enumerate(devices)
    ]
    made[-1]["gateway_mac"] = GATEWAY_MAC
    return made


class Sluice(Program):
    name = "sluice"

    def __init__(self, directory, cpus, build, devices, mbufs, eal, **options):
        super().__init__(directory, cpus)
        self.build = build
        self.configuration = self.configure(devices, mbufs, eal, **options)
        self.answers = None
        self.request = 0
        self.last_workers = []

    def configure(self, devices, mbufs, eal, forward="ipip", idle="spin", mtu=1500):
        _, worker = self.cpus
        return {
            "node": {"name": "bench", "hash_key": HASH_KEY},
            "dataplane": {
                "workers": [worker], "idle": idle, "mbufs": mbufs, "eal": ["--no-pci", *eal],
                "state_file": os.path.join(self.directory, "state"),
                "tunnel_source": {"ipv4": TUNNEL_SOURCE},
                "ports": ports(devices, mtu),
            },
            "control": {"socket": self.socket_path()},
            "pools": [{"name": "web", "backends": backends(BACKENDS)}],
            "services": [{
                "name": "www", "vip": VIP, "protocol": "tcp", "port": VIP_PORT, "pool": "web",
                "forward": forward,
            }],
        }

    def write_file(self):
        path = os.path.join(self.directory, "sluice.json")
        with open(path, "w") as file:
            json.dump(self.configuration, file, indent=2)
        return path

    def command(self):
        path = self.write_file()
        return [os.path.join(self.build, "control", "sluiced"), "-c", path]

    def socket_path(self):
        return os.path.join(self.directory, "control.sock")

    def call(self, method, params=None):
        if self.answers is None:
            self.answers = self.connection.makefile("rb")
        self.request += 1
        message = {"jsonrpc": "2.0", "id": self.request, "method": method}
        if params is not None:
            message["params"] = params
        self.connection.sendall(json.dumps(message).encode() + b"\n")
        line = self.answers.readline()
        answer = json.loads(line) if line.endswith(b"\n") else {}
        if "result" not in answer:
            raise self.failure(f"answers {method} with {line!r}")
        return answer["result"]

    def counts(self):
        stats = self.call("stats.get")
        received = sum(port["rx_packets"] for port in stats["ports"].values())
        return received, stats["verdicts"]["forwarded"]

    def stop(self):
        self.last_workers = self.call("stats.get")["workers"]
        self.process.send_signal(signal.SIGTERM)

    def polls(self):
        """When it has ended: iterations over its ports, and bursts that brought packets."""
        return self.last_workers[0]["iterations"], self.last_workers[0]["bursts"]
