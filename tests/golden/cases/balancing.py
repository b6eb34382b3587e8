# SPDX-License-Identifier: BSD-3-Clause
"""Which backend a flow gets: by weight, always the same, and as `explain` says."""
import ipaddress
import json
import math
import os
import random
from collections import Counter

from lib import frames, wire
from lib.judge import require, require_equal
from lib.registry import case
from lib.rig import backend, dropped, forwarded, pool, port, service
from lib.worlds import world

MAPPING = os.path.join(os.path.dirname(os.path.dirname(__file__)), "mapping.json")


def numbered_pool(weights, **fields):
    return pool("web", *(backend(f"web-{number}", f"10.2.1.{number}", weight, **fields)
                         for number, weight in enumerate(weights, 1)))


def www(family=4):
    return [service("www", frames.VIP[family])]


def flood_packets(family, count):
    return [forwarded(frame) for frame in frames.flood(family, frames.many_flows(family, count))]


def require_shares(chosen, weights):
    """Each backend has its weight's share of the flows, within five standard deviations."""
    total = sum(weights.values())
    for name, weight in weights.items():
        share = weight / total
        deviation = math.sqrt(len(chosen) * share * (1 - share))
        found, expected = chosen.count(name), len(chosen) * share
        require(abs(found - expected) <= 5 * deviation,
                f"{name} has {found} of {len(chosen)} flows, expected {expected:.0f}")


@case
def backends_get_flows_in_proportion_to_their_weights(rig):
    weights = [1, 2, 3, 4, 10, 100]
    names = {f"web-{number}": weight for number, weight in enumerate(weights, 1)}
    for family in (4, 6):
        packets = flood_packets(family, rig.scaled(20000))
        outcome = rig.run(packets, [numbered_pool(weights)], www(family))
        require_shares(outcome.backends(), names)


@case
def disabled_backend_gets_nothing_and_the_others_share_its_flows(rig):
    web = numbered_pool([100] * 4)
    web["backends"][1]["state"] = "disabled"
    outcome = rig.run(flood_packets(4, rig.scaled(8000)), [web], www())
    require_shares(outcome.backends(), {"web-1": 100, "web-3": 100, "web-4": 100})
    require_equal(outcome.stats["backends"]["web/web-2"]["packets"], 0, "packets of web-2")


@case
def flows_keep_their_backends_whatever_the_order_of_the_configuration(rig):
    packets = flood_packets(4, rig.scaled(4000))
    web = numbered_pool([3, 100, 100, 7, 50, 100, 1, 20])
    spare = pool("spare", backend("spare-1", "10.2.2.1"))
    services = [service("www", frames.VIP[4]), service("dns", frames.VIP[4], 53, "udp"),
                service("admin", frames.VIP[4], 8443, pool="spare")]
    first = rig.run(packets, [web, spare], services).backends()
    shuffle = random.Random(2)
    for _ in range(2):
        for entries in (web["backends"], services):
            shuffle.shuffle(entries)
        again = rig.run(packets, [spare, web], services).backends()
        moved = sum(old != new for old, new in zip(first, again))
        require_equal(moved, 0, "flows that moved with the order of the configuration")


@case
def taking_one_backend_out_moves_hardly_any_flow_of_the_others(rig):
    packets = flood_packets(4, rig.scaled(8000))
    web = numbered_pool([100] * 10)
    before = rig.run(packets, [web], www()).backends()
    web["backends"][4]["state"] = "disabled"
    after = rig.run(packets, [web], www()).backends()
    own = before.count("web-5")
    moved = sum(old != new for old, new in zip(before, after))
    require(own <= moved <= 1.6 * own, f"{moved} flows moved, web-5 had {own}")


@case
def services_of_one_pool_choose_the_same_backend_for_a_tuple_in_every_mode(rig):
    flows = frames.many_flows(4, rig.scaled(1000))
    by_mode = {}
    for mode in ("ipip", "l2dsr"):
        packets = [forwarded(frame) for frame in frames.flood(4, flows)]
        web = numbered_pool([100] * 5)
        macs = {entry["address"]: f"02:00:00:00:01:{number:02x}"
                for number, entry in enumerate(web["backends"], 1)}
        outcome = rig.run(packets, [web], [service("www", frames.VIP[4], forward=mode)],
                          [port(neighbours=macs)])
        by_mode[mode] = outcome.backends()
    require(by_mode["ipip"] == by_mode["l2dsr"], "the mode changes which backend a flow has")


def mapped_frames():
    """The 64 flows of the golden mapping: name -> (service, frame). Never to be changed."""
    numbers = random.Random(20260101)
    table = {}
    for index in range(64):
        family, protocol = (4, 6)[index & 1], ("tcp", "udp")[index >> 1 & 1]
        source = str(ipaddress.ip_address(numbers.getrandbits(32 if family == 4 else 128)))
        source_port = numbers.randrange(1, 65536)
        build, name = (frames.tcp, "www") if protocol == "tcp" else (frames.udp, "dns")
        frame = build(family, source_port=source_port, source=source)
        text = f"[{source}]:{source_port}" if family == 6 else f"{source}:{source_port}"
        table[f"{protocol} {text}"] = (f"{name}-{family}", frame)
    return table


def run_mapping(rig):
    services = [entry for family in (4, 6) for entry in (
        service(f"www-{family}", frames.VIP[family]),
        service(f"dns-{family}", frames.VIP[family], 53, "udp"))]
    table = mapped_frames()
    packets = [forwarded(frame, name) for name, frame in table.values()]
    outcome = rig.run(packets, [numbered_pool([100, 100, 50, 10, 100, 1, 100])], services)
    return dict(zip(table, outcome.backends()))


def update_mapping(rig):
    """By hand only: after a change that is meant to move flows between versions."""
    with open(MAPPING, "w") as file:
        json.dump(run_mapping(rig), file, indent=2)
        file.write("\n")


@case
def flows_of_the_golden_mapping_go_where_they_always_went(rig):
    with open(MAPPING) as file:
        golden = json.load(file)
    found = run_mapping(rig)
    moved = [f"{flow}: {found[flow]}, was {golden.get(flow)}"
             for flow in found if found[flow] != golden.get(flow)]
    require(not moved and len(found) == len(golden), "; ".join(moved) or "not the same flows")


@case
def explain_agrees_with_where_the_packet_went(rig):
    numbers = random.Random(4)
    for family, bits in ((4, 32), (6, 128)):
        make = ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address
        flows = [(make(numbers.getrandbits(bits)), numbers.randrange(65536)) for _ in range(200)]
        packets = [forwarded(frame) for frame in frames.flood(family, flows[:100])]
        packets += [forwarded(frames.udp(family, source=str(address), source_port=number), "dns")
                    for address, number in flows[100:]]

        def ask(daemon):
            return [explain_packet(daemon, packet.frame) for packet in packets]

        setting = world(vip_family=family)
        setting["pools"] = [numbered_pool([100, 50, 20, 100])]
        outcome = rig.run(packets, ask=ask, **setting)
        for (packet, _, name, _), answer in zip(outcome.sent, outcome.asked):
            require_equal(answer["verdict"], "forwarded", f"verdict for {packet.frame.hex()}")
            require_equal(answer["backend"], name, f"backend for {packet.frame.hex()}")


def explain_packet(daemon, frame):
    return explain(daemon, wire.layout(frame).flow)


def explain(daemon, flow):
    return daemon.call("explain", **explain_parameters(flow))


def explain_parameters(flow):
    return {
        "source": str(ipaddress.ip_address(flow.source)),
        "source_port": flow.source_port,
        "destination": str(ipaddress.ip_address(flow.destination)),
        "destination_port": flow.destination_port,
        "protocol": {wire.TCP: "tcp", wire.UDP: "udp"}[flow.protocol],
    }


@case
def explain_tells_hash_and_slot_to_operators_only(rig):
    """Who knew them of many flows could choose some that all meet in one slot."""
    frame = frames.tcp(4)

    def ask(daemon):
        question = explain_parameters(wire.layout(frame).flow)
        return [daemon.call("explain", **question), daemon.call_as_reader("explain", **question)]

    outcome = rig.run([forwarded(frame)], ask=ask, **world())
    operator, reader = outcome.asked
    secret = {"hash", "slot"}
    require_equal(secret & operator.keys(), secret, "what only an operator gets")
    require_equal(operator.keys() - reader.keys(), secret, "what a reader does not get")
    require_equal(secret & reader["established"].keys(), set(), "the same of an old connection")
    require_equal(reader["backend"], operator["backend"], "the backend that both get")


@case
def explain_names_the_verdict_of_what_is_not_forwarded(rig):
    table = [
        (frames.tcp(4, port=81), "no_service"),
        (frames.tcp(6, port=81), "no_host_path"),
        (frames.tcp(4, destination=frames.STRANGER[4]), "no_host_path"),
        (frames.udp(4), "no_backend"),
    ]

    def ask(daemon):
        return [explain_packet(daemon, frame) for frame, _ in table]

    setting = world()
    setting["pools"].append({"name": "empty", "backends": []})
    setting["services"][1]["pool"] = "empty"
    packets = [dropped(frame, verdict) for frame, verdict in table]
    outcome = rig.run(packets, ask=ask, **setting)
    require_equal(
        [answer["verdict"] for answer in outcome.asked], [verdict for _, verdict in table],
        "verdicts of explain",
    )
    for answer in outcome.asked:
        told = {"backend", "reason", "destination_mac", "port", "mtu"} & answer.keys()
        require_equal(told, set(), f"ways that explain tells of a packet that is {answer['verdict']}")


@case
def backends_that_share_a_weight_share_flows_evenly(rig):
    names = [f"web-{number}" for number in range(1, 101)]
    outcome = rig.run(flood_packets(6, rig.scaled(20000)), [numbered_pool([100] * 100)], www(6))
    counts = Counter(outcome.backends())
    require_equal(set(counts), set(names), "backends that were chosen")
    require_shares(outcome.backends(), dict.fromkeys(names, 1))
