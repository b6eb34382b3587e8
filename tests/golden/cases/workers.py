# SPDX-License-Identifier: BSD-3-Clause
"""Several workers and queues, starting and stopping."""
import re

from lib import frames
from lib.judge import require, require_equal
from lib.registry import case
from lib.rig import dropped, forwarded, port
from lib.thread import find_thread, held_still
from lib.worlds import neighbours, world


@case
def two_workers_with_a_queue_each_both_carry_packets(rig):
    flows = frames.many_flows(4, rig.scaled(4000))
    flood = [forwarded(frame) for frame in frames.flood(4, flows)]
    noise = [dropped(frames.tcp(4, port=81), "no_service"), dropped(b"\x01" * 20, "no_host_path")]
    half = len(flood) // 2
    packets = {("edge", 0): flood[:half] + noise, ("edge", 1): noise + flood[half:]}
    outcome = rig.run(packets, workers=2, **world(queues=2))
    carried = [worker["packets"] for worker in outcome.stats["workers"]]
    require_equal(sorted(carried), sorted(map(len, packets.values())), "packets of each worker")


@case
def one_flow_on_two_queues_reaches_one_backend(rig):
    flows = frames.many_flows(4, 500)
    flood = [forwarded(frame) for frame in frames.flood(4, flows)]
    # the common judgement demands one backend and one flow label for both packets of a flow
    outcome = rig.run({("edge", 0): flood, ("edge", 1): flood[::-1]}, workers=2,
                      **world(queues=2, outer_family=6))
    require_equal(len(outcome.sent), 2 * len(flows), "packets")


@case
def two_workers_serve_two_ports(rig):
    flood = [forwarded(f) for f in frames.flood(4, frames.many_flows(4, 200))]
    ports = [port("edge", 2, neighbours(4)), port("core", 2, gateway_mac=None)]
    setting = world()
    setting["ports"] = ports
    packets = {(name, queue): flood for name in ("edge", "core") for queue in (0, 1)}
    outcome = rig.run(packets, workers=2, **setting)
    carried = [worker["packets"] for worker in outcome.stats["workers"]]
    require_equal(carried, [400, 400], "packets of each worker")


@case
def fewer_queues_than_workers_is_refused_with_both_numbers(rig):
    setting = world(queues=1)
    status, log = rig.refused(workers=2, **setting)
    require_equal(status, 1, "exit status")
    require(re.search(r"^.*\b1\b.*queue.*\b2\b.*worker|\b2\b.*worker.*\b1\b.*queue", log, re.M),
            f"no sentence that names 1 queue and 2 workers in:\n{log}")


@case
def a_stop_is_clean_from_the_moment_that_the_control_socket_is_there(rig):
    for _ in range(3):
        rig.stopped_at_once(**world())


@case
def a_worker_that_stalls_for_a_second_is_shown_and_makes_the_node_not_ready(rig):
    def ready(daemon, wanted):
        status = daemon.call("status")
        return status["ready"] == wanted and status

    def ask(daemon):
        with held_still(find_thread(daemon.process.pid, "rte-worker")):
            stalled = daemon.wait_for(lambda: ready(daemon, False), "node not ready", 10)
        back = daemon.wait_for(lambda: ready(daemon, True), "node ready again", 10)
        return stalled, back

    stalled, back = rig.run([forwarded(frames.tcp(4))], ask=ask, **world()).asked
    require_equal([worker["state"] for worker in stalled["workers"]], ["stalled"], "workers")
    require_equal(stalled["reasons"], [f"worker on lcore {stalled['workers'][0]['lcore']} has stalled"],
                  "reasons")
    require_equal([worker["state"] for worker in back["workers"]], ["running"], "workers")


@case
def many_packets_of_every_fate_are_all_accounted_for(rig):
    flows = frames.many_flows(4, rig.scaled(20000))
    kinds = [
        [forwarded(frame) for frame in frames.flood(4, flows, flags=0x10)],
        [dropped(frame, "no_service") for frame in frames.flood(4, flows, port=81)],
        [dropped(frame, "no_host_path")
         for frame in frames.flood(4, flows, vip=frames.STRANGER[4])],
        [dropped(frame[:40], "truncated") for frame in frames.flood(4, flows)],
        [dropped(frames.patched(frame, 14, b"\x44"), "malformed")
         for frame in frames.flood(4, flows)],
    ]
    rig.run([packet for row in zip(*kinds) for packet in row], **world())
