# SPDX-License-Identifier: BSD-3-Clause
"""A configuration of BIRD out of the documentation, at work: BIRD on the balancer with the text as it
stands, and on the router another one that puts the routes which it gets into a table of the kernel.
"""

import os
import re
import time

CONFIGURATION = "/etc/bird/bird.conf"
TABLE = 4000  # of the router's kernel, with nothing else in it
SECONDS = 60  # for a session, or for a route to come or go

# The other end of the session in the text. It connects after one second instead of five.
ROUTER = f"""
router id 192.0.2.1;
protocol device {{ scan time 1; }}
protocol kernel {{ kernel table {TABLE}; ipv4 {{ export where proto = "node"; }}; }}
protocol bgp node {{
    local 192.0.2.1 as 65000;
    neighbor 192.0.2.2 as 65001;
    connect delay time 1;
    ipv4 {{ import all; export none; }};
}}
"""


class Routes:
    """`balancer` and `router` are shells on these hosts, which share the file system `root`."""

    def __init__(self, root, balancer, router):
        self.root = root
        self.balancer = balancer
        self.router = router
        self.route = None  # (prefix, next hop) that the text announces
        self.running = False

    def write(self, path, content):
        os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
        with open(self.root + path, "w", encoding="utf-8") as file:
            file.write(content)

    def start(self, configuration):
        """Returns what is wrong with it, or None with a session to the router."""
        self.write(CONFIGURATION, configuration)
        status, printed = self.balancer.type(f"mkdir -p /run/bird && bird -p -c {CONFIGURATION}")
        if status != 0:
            return f"BIRD does not take this configuration: {printed}"
        self.stop()
        self.write("/run/bird/router.conf", ROUTER)
        for shell, command in (
            (self.balancer, f"bird -c {CONFIGURATION} -P /run/bird/bird.pid"),
            (self.router, "bird -c /run/bird/router.conf -s /run/bird/router.ctl -P /run/bird/router.pid"),
        ):
            status, printed = shell.type(command)
            if status != 0:
                return f"BIRD does not start: {printed}"
        self.running = True
        self.route = (
            re.search(r"route (\S+)", configuration).group(1),
            re.search(r"bgp_next_hop = (\S+);", configuration).group(1),
        )
        if not wait_until(self.is_established):
            return f"no session with the router: {self.balancer.type('birdc show protocols all')[1]}"
        return None

    def is_established(self):
        return "Established" in self.balancer.type("birdc show protocols edge")[1]

    def follow(self):
        """After a command to BIRD: complaints unless the router has the route, or has it no more, as
        the command says."""
        if not self.running:
            return ["BIRD is not running"]
        prefix, next_hop = self.route
        is_up = re.search(r"^vips .* up ", self.balancer.type("birdc show protocols vips")[1], re.M)
        if wait_until(lambda: (f"via {next_hop} " in self.routes_of(prefix)) == bool(is_up)):
            return []
        return [f"vips is {'up' if is_up else 'down'}, and the routes of the router are: {self.routes_of(prefix)}"]

    def routes_of(self, prefix):
        return self.router.type(f"ip route show table {TABLE} {prefix}")[1]

    def stop(self):
        for shell, name in ((self.balancer, "bird"), (self.router, "router")):
            shell.type(f"[ ! -s /run/bird/{name}.pid ] || kill $(cat /run/bird/{name}.pid)")
        self.running = False


def wait_until(holds):
    deadline = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)  # the pause between two looks
    return True
