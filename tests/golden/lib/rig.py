# SPDX-License-Identifier: BSD-3-Clause
"""
A rig: one configuration and `sluiced` between capture files. A case says which packets come and
what shall become of each; Rig.run() does the rest and lets judge.py judge it.
"""
import os
import subprocess
from dataclasses import dataclass, replace

from . import capture
from .daemon import HOLD_AT_LISTEN, Daemon
from .judge import Judge

VERDICTS_SECONDS = 300
TUNNEL_SOURCE = {"ipv4": "10.2.0.10", "ipv6": "fd00:2::10"}
GATEWAY_MAC = "02:00:00:00:00:01"
HASH_KEY = "3f9a1c07d2e84b65a0b7c31e94f8d62b"
MTU = 1500

# The MAC that net_pcap gives its first port: what a switch would put on frames for it.
PORT_MAC = "02:70:63:61:70:00"


@dataclass(frozen=True)
class Packet:
    frame: bytes
    fate: str  # a verdict's name
    service: str = None  # forwarded: by which service,
    backend: str = None  # and to which backend of its pool; None means any that takes traffic


def forwarded(frame, service="www", backend=None):
    return Packet(frame, "forwarded", service, backend)


def dropped(frame, verdict):
    return Packet(frame, verdict)


def backend(name, address, weight=100, state="active"):
    return {"name": name, "address": address, "weight": weight, "state": state}


def pool(name, *backends):
    return {"name": name, "backends": list(backends)}


def service(name, vip, port=80, protocol="tcp", forward="ipip", pool="web"):
    return {"name": name, "vip": vip, "protocol": protocol, "port": port, "pool": pool,
            "forward": forward}


def port(name="edge", queues=1, neighbours=None, gateway_mac=GATEWAY_MAC, mtu=MTU):
    """`neighbours` is address -> MAC."""
    neighbours = {} if neighbours is None else neighbours
    return {"name": name, "queues": queues, "mtu": mtu, "gateway_mac": gateway_mac,
            "neighbours": [{"address": a, "mac": m} for a, m in neighbours.items()]}


@dataclass
class Outcome:
    """What a run showed, for what a case wants to say beyond the common judgement."""

    stats: dict
    sent: list  # (Packet, frame that left, name of the backend, flow label or None)
    asked: object  # what the case's ask() returned

    def backends(self):
        return [name for _, _, name, _ in self.sent]


def addressed(packets, ports):
    """The same packets, those for the first port's address each for that of the port they come by."""
    first = bytes.fromhex(PORT_MAC.replace(":", ""))
    macs = {spec["name"]: first[:5] + bytes([index]) for index, spec in enumerate(ports)}
    return {
        (name, queue): [
            replace(packet, frame=macs[name] + packet.frame[6:])
            if packet.frame[:6] == first else packet
            for packet in listed
        ]
        for (name, queue), listed in packets.items()
    }


class Rig:
    def __init__(self, build, directory, quick=False):
        self.build = build
        self.directory = directory
        self.quick = quick
        self.runs = 0

    def scaled(self, count):
        """How many flows stand for `count` in a statistic: fewer where haste is asked for."""
        return count // 5 if self.quick else count

    def configuration(self, directory, pools, services, ports, workers):
        """The document; each port's device reads and writes capture files of its own."""
        documents = []
        for index, spec in enumerate(ports):
            files = [
                f"{kind}_pcap={self.capture_path(directory, spec['name'], queue, way)}"
                for queue in range(spec["queues"])
                for kind, way in (("rx", "in"), ("tx", "out"))
            ]
            document = {key: value for key, value in spec.items() if key != "queues"}
            document["device"] = ",".join([f"net_pcap{index}", *files])
            document["host_path"] = "drop"
            if document["gateway_mac"] is None:
                del document["gateway_mac"]
            documents.append(document)
        return {
            "node": {"name": "golden", "hash_key": HASH_KEY},
            "dataplane": {
                "workers": workers, "idle": "rest", "mbufs": 4096, "eal": ["--no-huge", "--no-pci"],
                "state_file": os.path.join(directory, "state"), "tunnel_source": TUNNEL_SOURCE,
                "ports": documents,
            },
            "control": {"socket": os.path.join(directory, "control.sock")},
            "pools": pools,
            "services": services,
        }

    @staticmethod
    def capture_path(directory, port_name, queue, way):
        return os.path.join(directory, f"{port_name}-{queue}-{way}.pcap")

    def new_directory(self):
        self.runs += 1
        directory = os.path.join(self.directory, f"run{self.runs}")
        os.mkdir(directory, 0o750)
        return directory

    def run(self, packets, pools, services, ports=None, workers=1, ask=None, control=None):
        """
        `packets` is a list for the only queue of the only port, or (port, queue) -> list.
        `control` has further keys of that object.
        `ask(daemon)`, where given, is called when all packets have met their fate.
        """
        ports = ports or [port()]
        if isinstance(packets, list):
            packets = {(ports[0]["name"], 0): packets}
        packets = addressed(packets, ports)
        directory = self.new_directory()
        self.write_captures(directory, ports, packets)
        document = self.configuration(directory, pools, services, ports, workers)
        document["control"].update(control or {})
        with Daemon(self.build, directory, document) as daemon:
            stats = await_verdicts(daemon, sum(map(len, packets.values())))
            macs = {entry["name"]: entry["mac"] for entry in daemon.call("status")["ports"]}
            asked = ask(daemon) if ask else None
            daemon.stop()
        outputs = {
            (spec["name"], queue): capture.read(
                self.capture_path(directory, spec["name"], queue, "out")
            )
            for spec in ports
            for queue in range(spec["queues"])
        }
        sent = Judge(document, macs, packets, outputs, stats).judge()
        return Outcome(stats, sent, asked)


    def write_captures(self, directory, ports, packets):
        for spec in ports:
            for queue in range(spec["queues"]):
                frames = [packet.frame for packet in packets.get((spec["name"], queue), [])]
                capture.write(self.capture_path(directory, spec["name"], queue, "in"), frames)

    def stopped_at_once(self, pools, services, ports=None, workers=1):
        """Starts it, and stops it as soon as its control socket is there."""
        ports = ports or [port()]
        directory = self.new_directory()
        self.write_captures(directory, ports, {})
        document = self.configuration(directory, pools, services, ports, workers)
        hold = self.hold_at_listen(directory, document)
        with Daemon(self.build, directory, document, hold) as daemon:
            daemon.wait_held()
            daemon.stop_held()

    @staticmethod
    def hold_at_listen(directory, document):
        """The environment for Daemon.wait_held()."""
        library = os.path.join(directory, "hold.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library, "-ldl"],
                       input=HOLD_AT_LISTEN, text=True, check=True)
        options = os.environ.get("ASAN_OPTIONS", "")
        return {"LD_PRELOAD": library, "HOLD_AT": document["control"]["socket"],
                "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0".lstrip(":")}

    def refused(self, pools, services, ports=None, workers=1):
        """Starts what must not start; returns (exit status, log)."""
        ports = ports or [port()]
        directory = self.new_directory()
        self.write_captures(directory, ports, {})
        document = self.configuration(directory, pools, services, ports, workers)
        with Daemon(self.build, directory, document) as daemon:
            return daemon.wait_end(), daemon.log()


def await_verdicts(daemon, frames):
    """Waits until every frame has met its fate and returns stats.get of that moment."""
    last = {}

    def counted():
        last["stats"] = stats = daemon.call("stats.get")
        return at_rest(stats, frames)

    try:
        daemon.wait_for(counted, f"a verdict for each of {frames} frames", VERDICTS_SECONDS)
    except AssertionError as failure:
        raise AssertionError(f"{failure}; the counters: {last.get('stats')}") from None
    # That answer may have been put together while the last burst was being counted.
    return daemon.call("stats.get")


def at_rest(stats, frames):
    """A worker counts its burst last of all, after each packet's verdict, service and backend."""
    received = sum(entry["rx_packets"] for entry in stats["ports"].values())
    transmitted = sum(entry["tx_packets"] for entry in stats["ports"].values())
    carried = sum(entry["packets"] for entry in stats["workers"])
    return (
        received == carried == frames == sum(stats["verdicts"].values())
        and transmitted == stats["verdicts"]["forwarded"]
    )
