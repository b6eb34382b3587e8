# SPDX-License-Identifier: BSD-3-Clause
"""Services with several pools, by weight, as backups, and for some clients."""
import math
import random
from ipaddress import ip_address, ip_network

from cases.balancing import explain_packet
from lib import frames
from lib.judge import require, require_equal
from lib.registry import case
from lib.rig import backend, forwarded, pool, service


def web(count=4, **fields):
    return pool("web", *(backend(f"web-{n}", f"10.2.1.{n}", **fields) for n in range(1, count + 1)))


def canary(**fields):
    return pool("canary", backend("canary-1", "10.2.2.1", **fields),
                backend("canary-2", "10.2.2.2", **fields))


def spare():
    return pool("spare", backend("spare-1", "10.2.3.1"))


def shared(name, vip, parts, **fields):
    entry = service(name, vip, **fields)
    del entry["pool"]
    entry["pools"] = parts
    return entry


def of_pool(outcome, name):
    return sum(backend_name.startswith(f"{name}-") for backend_name in outcome.backends())


def require_near(found, expected, total, what):
    """Within five standard deviations of what flows, and slots, are by chance."""
    share = expected / total
    deviation = math.sqrt(total * share * (1 - share)) + total * math.sqrt(
        share * (1 - share) / 65537)
    require(abs(found - expected) <= 5 * deviation, f"{what} has {found}, expected {expected:.0f}")


@case
def pools_get_new_flows_in_proportion_to_their_weights(rig):
    count = rig.scaled(20000)
    for family in (4, 6):
        for weights in ((95, 5), (1, 1), (0, 7)):
            parts = [{"pool": "web", "weight": weights[0]}, {"pool": "canary", "weight": weights[1]}]
            packets = [forwarded(frame)
                       for frame in frames.flood(family, frames.many_flows(family, count))]
            outcome = rig.run(packets, [web(), canary()], [shared("www", frames.VIP[family], parts)])
            require_near(of_pool(outcome, "canary"), count * weights[1] / sum(weights), count,
                         f"canary of {weights}")


@case
def backup_pool_gets_flows_only_when_no_backend_before_it_takes_any(rig):
    parts = [{"pool": "web"}, {"pool": "spare", "backup": 2}, {"pool": "canary", "backup": 1}]
    packets = [forwarded(frame) for frame in frames.flood(4, frames.many_flows(4, 500))]
    for state, second, taker in (("active", "active", "web"), ("disabled", "active", "canary"),
                                 ("disabled", "disabled", "spare")):
        pools = [web(state=state), canary(state=second), spare()]
        outcome = rig.run(packets, pools, [shared("www", frames.VIP[4], parts)])
        require_equal(of_pool(outcome, taker), len(packets), f"flows of {taker}")


@case
def explain_names_pool_and_backend_of_a_flow_of_several_pools(rig):
    parts = [{"pool": "web", "weight": 60}, {"pool": "canary", "weight": 40}]
    packets = [forwarded(frame) for frame in frames.flood(4, frames.many_flows(4, 60))]

    def ask(daemon):
        return ([explain_packet(daemon, packet.frame) for packet in packets],
                daemon.call("pool.list"), daemon.call("backend.list"), daemon.call("service.list"))

    outcome = rig.run(packets, [web(), canary()], [shared("www", frames.VIP[4], parts)], ask=ask)
    answers, pools, backends, services = outcome.asked
    for (_, _, name, _), answer in zip(outcome.sent, answers):
        require_equal((answer["pool"], answer["backend"]), (name.split("-")[0], name), "who has it")
    derived = next(row for row in pools if row["name"] == "service:www")
    require_equal(derived["services"], ["www"], "services of the derived pool")
    require_equal([part["pool"] for part in derived["pools"]], ["web", "canary"], "its parts")
    require_equal(sum(part["slots"] for part in derived["pools"]), derived["slots"], "its slots")
    require_equal({row["name"]: row["services"] for row in pools if row["name"] == "web"},
                  {"web": ["www"]}, "services of a part")
    require_equal(sorted({row["pool"] for row in backends}), ["canary", "web"], "pools of backends")
    require_equal(sum(row["services"][0]["slots"] for row in backends), derived["slots"],
                  "slots of all backends")
    require_equal(services[0]["pools"], [{**part, "backup": 0} for part in parts], "pools of www")


OFFICE = {4: "198.51.100.0/24", 6: "2001:db8:c::/48"}
DESK = {4: "198.51.100.7/32", 6: "2001:db8:c::7/128"}
NEIGHBOUR = {4: "198.51.101.7", 6: "2001:db8:d::7"}  # just outside of the office


def clients(family, count):
    """Of every prefix and of none; the same addresses in each run."""
    numbers = random.Random(6)
    office = ip_network(OFFICE[family])
    addresses = [office[0], office[-1], ip_address(NEIGHBOUR[family]), ip_network(DESK[family])[0]]
    addresses += [office[numbers.randrange(min(office.num_addresses, 2 ** 60))]
                  for _ in range(count)]
    addresses += [ip_address(NEIGHBOUR[family]) + numbers.randrange(2 ** 16) for _ in range(count)]
    return addresses


def about(family, address, port):
    """An ICMP error about a packet that the VIP sent to that client."""
    return frames.icmp_error(family, quoted=frames.reply(
        family, destination=str(address), client_port=port))


def split_of(family):
    return [{"from": OFFICE[family], "pool": "canary"}, {"from": DESK[family], "pool": "spare"}]


@case
def clients_of_a_prefix_go_by_a_pool_of_their_own_and_icmp_errors_with_them(rig):
    for family in (4, 6):
        entry = {**service("www", frames.VIP[family]), "split": split_of(family)}
        anything = {**service("rest", frames.VIP[family], port="any"), "split": split_of(family)}
        packets = []
        for number, address in enumerate(clients(family, 60)):
            port = 40000 + number
            packets.append(forwarded(frames.tcp(family, source=str(address), source_port=port)))
            packets.append(forwarded(about(family, address, port)))
            packets.append(forwarded(
                frames.tcp(family, source=str(address), source_port=port, port=81), "rest"))

        def ask(daemon):
            return [explain_packet(daemon, packet.frame) for packet in packets[::3]]

        outcome = rig.run(packets, [web(), canary(), spare()], [entry, anything], ask=ask)
        for answer, address in zip(outcome.asked, clients(family, 60)):
            rule = None if address not in ip_network(OFFICE[family]) else {"from": OFFICE[family]}
            rule = {"from": DESK[family]} if address in ip_network(DESK[family]) else rule
            pool_name = {None: "web", OFFICE[family]: "canary", DESK[family]: "spare"}[
                rule and rule["from"]]
            require_equal(answer["split"], rule, f"the rule of {address}")
            require_equal(answer["pool"], pool_name, f"the pool of {address}")
        require(of_pool(outcome, "canary") > 0 and of_pool(outcome, "spare") > 0 and
                of_pool(outcome, "web") > 0, "each pool has flows")


@case
def clients_of_a_family_go_by_a_pool_of_their_own(rig):
    rules = [{"family": "ipv6", "pool": "canary"}, {"from": DESK[6], "pool": "web"}]
    services = [{**service("www", frames.VIP[4]), "split": rules},
                {**shared("www-6", frames.VIP[6], [{"pool": "web", "weight": 1}, {"pool": "spare"}]),
                 "split": rules}]
    packets = [forwarded(frames.tcp(4, source_port=port)) for port in range(1000, 1100)]
    packets += [forwarded(frames.tcp(6, source_port=port), "www-6") for port in range(1000, 1100)]
    packets += [forwarded(frames.tcp(6, source="2001:db8:e::1", source_port=port), "www-6")
                for port in range(1000, 1100)]
    outcome = rig.run(packets, [web(), canary(), spare()], services)
    require_equal([of_pool(outcome, name) for name in ("web", "canary", "spare")], [200, 100, 0],
                  "flows of the pools")
