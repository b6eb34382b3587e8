# SPDX-License-Identifier: BSD-3-Clause
"""Which service claims a packet, and what is counted for it."""
from lib import frames
from lib.judge import require_equal
from lib.registry import case
from lib.rig import backend, dropped, forwarded, pool, port, service
from lib.worlds import world

ADDRESSES = {"exact": "10.2.0.21", "any": "10.2.0.22", "other": "10.2.0.23", "udp": "10.2.0.24"}


def own_pools(*names):
    """A pool of one backend for each service, all called like it: where a packet went, tells."""
    return [pool(name, backend(name, ADDRESSES[name])) for name in names]


@case
def service_with_an_exact_port_wins_over_any_port_of_the_same_vip(rig):
    for family in (4, 6):
        vip = frames.VIP[family]
        for order in (1, -1):
            services = [service("exact", vip, 443, pool="exact"),
                        service("any", vip, "any", pool="any")][::order]
            packets = [forwarded(frames.tcp(family, port=443), "exact", "exact")]
            packets += [forwarded(frames.tcp(family, port=number), "any", "any")
                        for number in (1, 80, 442, 444, 47873, 65535, 0)]
            packets += [dropped(frames.udp(family, port=number), "no_service")
                        for number in (443, 53)]
            rig.run(packets, own_pools("exact", "any"), services)


@case
def protocols_and_vips_are_told_apart(rig):
    second = {4: "203.0.113.20", 6: "2001:db8:100::20"}
    for family in (4, 6):
        services = [
            service("exact", frames.VIP[family], 80, "tcp", pool="exact"),
            service("udp", frames.VIP[family], 80, "udp", pool="udp"),
            service("other", second[family], 80, "tcp", pool="other"),
            service("any", second[family], "any", "udp", pool="any"),
        ]
        packets = [
            forwarded(frames.tcp(family), "exact", "exact"),
            forwarded(frames.udp(family, port=80), "udp", "udp"),
            forwarded(frames.tcp(family, destination=second[family]), "other", "other"),
            forwarded(frames.udp(family, destination=second[family]), "any", "any"),
            dropped(frames.tcp(family, destination=second[family], port=81), "no_service"),
            dropped(frames.udp(family, port=81), "no_service"),
        ]
        rig.run(packets, own_pools("exact", "udp", "other", "any"), services)


@case
def services_of_both_families_live_side_by_side(rig):
    services = [service("exact", frames.VIP[4], pool="exact"),
                service("other", frames.VIP[6], pool="other")]
    packets = [forwarded(frames.tcp(4), "exact"), forwarded(frames.tcp(6), "other")] * 8
    rig.run(packets, own_pools("exact", "other"), services)


@case
def ipip_and_l2dsr_services_share_a_pool(rig):
    vip = frames.VIP[4]
    pools = [pool("web", backend("web-1", "10.2.0.21"), backend("web-2", "10.2.0.22"))]
    services = [service("tunnel", vip, 80, forward="ipip"),
                service("direct", vip, 81, forward="l2dsr")]
    edge = port(neighbours={"10.2.0.21": "02:00:00:00:00:21", "10.2.0.22": "02:00:00:00:00:22"})
    flows = frames.many_flows(4, 64)
    packets = [forwarded(frame, name)
               for number, name in ((80, "tunnel"), (81, "direct"))
               for frame in frames.flood(4, flows, port=number)]
    rig.run(packets, pools, services, [edge])


@case
def several_hundred_services_each_get_their_own_packets(rig):
    count = 300
    vips = [f"203.0.113.{number % 250 + 1}" for number in range(count)]
    services = [service(f"s{number}", vips[number], 1000 + number) for number in range(count)]
    packets = [forwarded(frame, f"s{number}")
               for number in range(count)
               for frame in frames.flood(4, [("198.18.0.1", 5000 + number)], vips[number],
                                         1000 + number)]
    # a VIP and a port that are not of one service
    packets += [dropped(frame, "no_service")
                for frame in frames.flood(4, [("198.18.0.1", 1)], vips[7], 1008)]
    setting = world()
    setting["services"] = services
    rig.run(packets, **setting)


@case
def new_flows_counts_syn_without_ack_and_nothing_else(rig):
    flows = frames.many_flows(4, 16)
    packets = []
    for flags, new in ((0x02, 1), (0x12, 0), (0x10, 0), (0x18, 0), (0x11, 0), (0x04, 0), (0, 0),
                       (0xC2, 1), (0x42, 1), (0x06, 1), (0x03, 1), (0xFF, 0)):
        for frame in frames.flood(4, flows, flags=flags):
            packets.append((forwarded(frame), new))
    packets += [(forwarded(frames.udp(4), "dns"), 0)] * 5
    packets += [(dropped(frame, "no_service"), 0) for frame in frames.flood(4, flows, port=81)]
    # the common judgement compares with a count of its own; this one is by hand
    outcome = rig.run([packet for packet, _ in packets], **world())
    by_hand = sum(new for _, new in packets)
    services, backends = outcome.stats["services"], outcome.stats["backends"]
    require_equal(services["www"]["new_flows"], by_hand, "new_flows of www")
    require_equal(services["dns"]["new_flows"], 0, "new_flows of dns")
    total = sum(entry["new_flows"] for entry in backends.values())
    require_equal(total, by_hand, "new_flows of all backends")
