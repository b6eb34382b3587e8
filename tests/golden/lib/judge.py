# SPDX-License-Identifier: BSD-3-Clause
"""
The judgement that every run stands under, whatever else a case wants to say:

- what came in is counted once, alike by us, by the driver, by the capture and by the verdicts;
- each verdict was met as often as the packets' fates say, and what was sent is what was forwarded;
- each frame that left equals, byte for byte, what expectation.py builds from the configuration;
- packets of one flow go to one backend, with one flow label;
- the counters of services, backends and workers add up to the frames.
"""
import ipaddress
from collections import Counter, defaultdict

from . import expectation, wire


def require(condition, sentence):
    if not condition:
        raise AssertionError(sentence)


def require_equal(found, expected, what):
    require(found == expected, f"{what}: {found}, expected {expected}")


def prefix_length(rule):
    return ipaddress.ip_network(rule["from"]).prefixlen if "from" in rule else -1


def applies(rule, client):
    """Whether a rule of a split is about that client."""
    if "from" in rule:
        return client in ipaddress.ip_network(rule["from"])
    return rule["family"] == f"ipv{client.version}"


class Judge:
    """One run: what was configured, what came, what left, and what was counted."""

    def __init__(self, document, macs, packets, outputs, stats):
        self.document = document
        self.macs = macs
        self.packets = packets
        self.outputs = outputs
        self.stats = stats
        self.services = {entry["name"]: entry for entry in document["services"]}
        self.pools = {entry["name"]: entry for entry in document["pools"]}
        self.tunnel_source = document["dataplane"]["tunnel_source"]
        self.ports = {entry["name"]: entry for entry in document["dataplane"]["ports"]}

    def judge(self):
        self.judge_law()
        self.judge_fates()
        sent = self.match_outputs()
        self.judge_flows(sent)
        self.judge_counters(sent)
        return sent

    def all_packets(self):
        return [packet for packets in self.packets.values() for packet in packets]

    def judge_law(self):
        for name in self.ports:
            frames = [p.frame for key, ps in self.packets.items() if key[0] == name for p in ps]
            out = [f for key, fs in self.outputs.items() if key[0] == name for f in fs]
            counters = self.stats["ports"][name]
            for counter, expected in (
                ("rx_packets", len(frames)), ("rx_bytes", sum(map(len, frames))),
                ("tx_packets", len(out)), ("tx_bytes", sum(map(len, out))),
            ):
                require_equal(counters[counter], expected, f"{counter} of port {name}")
            driver = counters["driver"]
            require_equal(driver["rx_packets"], len(frames), f"the driver's rx of port {name}")
            require_equal(driver["tx_packets"], len(out), f"the driver's tx of port {name}")
        out = sum(map(len, self.outputs.values()))
        sent = self.stats["verdicts"]["forwarded"] + self.stats["copies"]
        require_equal(sent, out, "forwarded and copies, beside the capture")

    def judge_fates(self):
        fates = Counter(packet.fate for packet in self.all_packets())
        verdicts = Counter(self.stats["verdicts"])
        unknown = set(fates) - set(verdicts)
        require(not unknown, f"no such verdict: {unknown}")
        require_equal(dict(+verdicts), dict(fates), "verdicts")

    def pools_of(self, packet):
        """The pools whose backends may get the packet; a client with a rule has one of its own."""
        entry = self.services[packet.service]
        client = ipaddress.ip_address(wire.layout(packet.frame).flow.source)
        rules = sorted((rule for rule in entry.get("split", ()) if applies(rule, client)),
                       key=prefix_length)
        if rules:
            return [rules[-1]["pool"]]
        return [part["pool"] for part in entry["pools"]] if "pools" in entry else [entry["pool"]]

    def takers(self, packet):
        """The backends that may get the packet: name -> address. No two pools have one name."""
        return {
            entry["name"]: entry["address"]
            for pool in self.pools_of(packet)
            for entry in self.pools[pool]["backends"]
            if entry["state"] == "active" and packet.backend in (None, entry["name"])
        }

    def way_out(self, address):
        """(port, destination MAC): by neighbour entry, else the gateway of the first port."""
        for name in self.ports:
            for neighbour in self.ports[name]["neighbours"]:
                if neighbour["address"] == address:
                    return name, neighbour["mac"]
        name = next(name for name in self.ports if "gateway_mac" in self.ports[name])
        return name, self.ports[name]["gateway_mac"]

    def expectations(self, packet):
        """Each frame that may leave for the packet: (port, backend, outer family or None, frame)"""
        layout = wire.layout(packet.frame)
        mode = self.services[packet.service]["forward"]
        for name, address in self.takers(packet).items():
            out, mac = self.way_out(address)
            frame = expectation.frame(
                packet.frame, layout, mode, address, self.tunnel_source, self.macs[out], mac
            )
            labelled = mode == "ipip" and ":" in address
            yield out, name, layout.l3_offset if labelled else None, frame

    def match_outputs(self):
        """
        Pairs each packet that shall leave with the frame that left for it. A queue keeps the order
        of its packets, so the next frame is the one; only where two ports feed one transmit queue
        any of its frames may be.
        """
        left = {key: frames[::-1] for key, frames in self.outputs.items()}
        sources = {name for (name, _), packets in self.packets.items() if packets}
        reach = 1 if len(sources) == 1 else None
        sent = []
        for (_, queue), packets in self.packets.items():
            for number, packet in enumerate(packets):
                if packet.fate == "forwarded":
                    sent.append(self.match(packet, queue, left, number, reach))
        extra = {key: frames[-1].hex() for key, frames in left.items() if frames}
        require(not extra, f"frames that were not expected left by {extra}")
        return sent

    def match(self, packet, queue, left, number, reach):
        for out, name, label_offset, frame in self.expectations(packet):
            frames = left[out, queue]
            for index in range(len(frames) - 1, len(frames) - 1 - (reach or len(frames)), -1):
                found, label = frames[index] if index >= 0 else b"", None
                if label_offset is not None and len(found) > label_offset + 4:
                    found, label = expectation.split_flow_label(found, label_offset)
                if found == frame:
                    del frames[index]
                    return packet, found, name, label
        raise AssertionError(self.mismatch(packet, queue, left, number))

    def mismatch(self, packet, queue, left, number):
        lines = [f"frame {number} of queue {queue} ({packet.service}): {packet.frame.hex()}"]
        lines += [f"expected for {name} by {out}: {f.hex()}"
                  for out, name, _, f in list(self.expectations(packet))[:4]]
        lines += [f"left by {out}: {frames[-1].hex() if frames else 'nothing'}"
                  for (out, _), frames in left.items()]
        return "\n  ".join(lines)

    def judge_flows(self, sent):
        backends, labels = {}, {}
        for packet, _, name, label in sent:
            flow = (packet.service, wire.layout(packet.frame).flow)
            require_equal(name, backends.setdefault(flow, name), f"the backend of {flow}")
            if label is not None:
                require(label != 0, f"flow label 0 for {flow}")
                require_equal(label, labels.setdefault(flow, label), f"the flow label of {flow}")

    def judge_counters(self, sent):
        expected = defaultdict(Counter)
        for packet, _, name, _ in sent:
            layout = wire.layout(packet.frame)
            pool_name = next(pool for pool in self.pools_of(packet) if name in
                             [entry["name"] for entry in self.pools[pool]["backends"]])
            for key in (("services", packet.service), ("backends", f"{pool_name}/{name}")):
                # bytes are those of the frame that came, headers and padding and all
                expected[key].update(
                    packets=1, bytes=len(packet.frame), new_flows=int(layout.new_flow)
                )
        for kind in ("services", "backends"):
            for name, counters in self.stats[kind].items():
                for counter in ("packets", "bytes", "new_flows"):
                    require_equal(
                        counters[counter], expected[kind, name][counter],
                        f"{counter} of {kind} {name}",
                    )
        known = set(self.stats["services"]), set(self.stats["backends"])
        for kind, name in expected:
            require(name in known[kind == "backends"], f"no counters for {kind} {name}")
        carried = sum(worker["packets"] for worker in self.stats["workers"])
        require_equal(carried, len(self.all_packets()), "packets of all workers")
