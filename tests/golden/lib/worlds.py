# SPDX-License-Identifier: BSD-3-Clause
"""Configurations that many cases share, as arguments for Rig.run()."""
from . import frames
from .frames import VIP
from .rig import backend, dropped, forwarded, pool, port, service

BACKENDS = {4: ["10.2.0.21", "10.2.0.22", "10.2.0.23"],
            6: ["fd00:2::21", "fd00:2::22", "fd00:2::23"]}


def mac_of(number):
    return f"02:00:00:00:00:{0x20 + number:02x}"


def neighbours(*families):
    return {address: mac_of(number)
            for family in families
            for number, address in enumerate(BACKENDS[family], 1)}


def backends(family, count=3, **fields):
    return [backend(f"web-{number}", address, **fields)
            for number, address in enumerate(BACKENDS[family][:count], 1)]


def world(forward="ipip", vip_family=4, outer_family=4, count=3, queues=1, mtu=1500):
    """One VIP with TCP port 80 (`www`) and UDP port 53 (`dns`), before a pool of some backends."""
    vip = VIP[vip_family]
    return {
        "pools": [pool("web", *backends(outer_family, count))],
        "services": [service("www", vip, 80, "tcp", forward),
                     service("dns", vip, 53, "udp", forward)],
        "ports": [port(neighbours=neighbours(outer_family), queues=queues, mtu=mtu)],
    }


def dual_world(**options):
    """The same services for IPv4 and IPv6 clients."""
    setting = world(**options)
    for entry in world(vip_family=6, **options)["services"]:
        setting["services"].append({**entry, "name": entry["name"] + "-6"})
    return setting


def drop_all(rig, verdict, packets, **options):
    """Every frame meets the verdict, and good packets before and after them still get through."""
    good = [forwarded(frames.tcp(4)), forwarded(frames.tcp(6), "www-6")]
    middle = [dropped(bytes(packet), verdict) for packet in packets]
    return rig.run(good + middle + good, **dual_world(**options))
