#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
The scripts for Pktgen-DPDK, before a stand-in of its Lua interface (pktgen/stand_in.lua): they are
sound Lua, call what there is as it wants to be called, and their search finds what the balancer in
front of them can do: one that is made of numbers, and sluiced, with real packets.

The stand-in is ours, written after Pktgen's sources and documentation. Where it is mistaken about
Pktgen these tests pass and the scripts fail: only a run with Pktgen itself shows that.

    check_pktgen.py BUILD
"""
import glob
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True

import checks  # noqa: E402
import rig  # noqa: E402

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.realpath(__file__))
SCRIPTS = os.path.join(HERE, "..", "..", "scripts", "pktgen")
PRECISION_PERCENT = 0.1
MTU = 1600  # of sluiced: the largest frames, encapsulated, fit
PACKETS_LEAST = 500_000  # that all trials of a search send
SECONDS = 300


def lua(*arguments, settings="rig_in_small.lua", **options):
    environment = {
        **os.environ, "SLUICE_PKTGEN_SETTINGS": os.path.join(HERE, "pktgen", settings),
    }
    answer = subprocess.run(
        arguments, capture_output=True, text=True, env=environment, timeout=SECONDS, **options
    )
    assert answer.returncode == 0, f"{arguments}: {answer.stderr}"
    return answer.stdout


def play(name, *arguments, **options):
    stand_in = os.path.join(HERE, "pktgen", "stand_in.lua")
    return lua("lua5.4", stand_in, os.path.join(SCRIPTS, name), *arguments, **options)


def play_for_real(generator, name, capacity, **options):
    """The same with packets that the generator sends. It takes orders from the script meanwhile."""
    pipes = [generator.process.stdin.fileno(), generator.process.stdout.fileno()]
    paths = [f"/dev/fd/{pipe}" for pipe in pipes]
    return play(name, capacity, "new", *paths, pass_fds=pipes, **options)


def rates(output):
    """The throughputs that were found, in percent of the link."""
    return [float(rate) for rate in re.findall(r"^throughput .*: ([\d.]+) %", output, re.M)]


def each_script_is_sound_lua():
    paths = glob.glob(os.path.join(SCRIPTS, "*.lua"))
    assert len(paths) >= 7, paths
    for path in paths:
        lua("luac5.4", "-p", path)


def the_search_finds_the_capacity_for_each_size():
    for capacity in (0.5, 33.3, 77.7):
        found = rates(play("throughput.lua", str(capacity)))
        assert len(found) == 2, found
        assert all(0 <= capacity - rate <= PRECISION_PERCENT for rate in found), (capacity, found)


def the_search_finds_the_capacity_behind_sluiced():
    with rig.open_rig(BUILD, returns=True, mtu=MTU) as (generator, sluice):
        for capacity in (100, 40):
            found = rates(play_for_real(generator, "throughput.lua", str(capacity)))
            assert len(found) == 2, found
            assert all(0 <= capacity - rate <= PRECISION_PERCENT for rate in found), found
        received, sent = generator.counts()
        assert received == sent > PACKETS_LEAST, (received, sent)
        sluice.wait_for(lambda: sluice.counts() == (sent, sent), f"{sent} packets")


def the_search_finds_that_sluiced_sends_no_frame_beyond_its_mtu():
    with rig.open_rig(BUILD, returns=True) as (generator, sluice):
        before = sluice.counts()[1]
        output = play_for_real(
            generator, "throughput.lua", "100", settings="rig_of_large_frames.lua"
        )
        assert rates(output) == [0], output
        received, sent = generator.counts()
        assert sent > received == before, (sent, received, before)
        verdicts = sluice.call("stats.get")["verdicts"]
        assert verdicts["mtu_exceeded"] == sent - before, (verdicts, sent, before)


def a_balancer_that_loses_nothing_is_tried_once():
    output = play("throughput.lua", "100")
    assert rates(output) == [100, 100], output
    assert output.count(" sent, ") == 2, output


def a_pktgen_from_before_its_counters_moved_will_do():
    assert rates(play("throughput.lua", "40", "old")) == rates(play("throughput.lua", "40"))


def flows_are_spread_over_clients():
    output = play("flows.lua")
    assert len(rates(output)) == 5, output
    # the last row: 10 M flows are as many clients, of one port each
    assert "range: src_ip max = 10.152.151.121" in output, output
    assert "range: src_port max = 1024" in output, output
    assert "range: dst_ip max = 203.0.113.10" in output, output
    assert "switches: set_range = on" in output, output


def a_flood_ends_where_it_began():
    output = play("syn_flood.lua")
    assert len(rates(output)) == 1, output
    assert "switches: rnd_s_ip = disable" in output, output
    assert "set: tcp_flags = clr,ack" in output, output


def latency_is_told_by_rank():
    # the stand-in's samples are 10 ns, 20 ns, ... 1 ms
    output = play("latency.lua")
    shares = re.findall(r"^latency at (\d+) %: (.*)$", output, re.M)
    assert [share for share, _ in shares] == ["10", "50", "90"], output
    expected = "p50 500.00, p99 990.00, p99.9 999.00, most 1000.00 us (100000)"
    assert all(figures == expected for _, figures in shares), output


def main():
    return checks.run(
        each_script_is_sound_lua,
        the_search_finds_the_capacity_for_each_size,
        the_search_finds_the_capacity_behind_sluiced,
        the_search_finds_that_sluiced_sends_no_frame_beyond_its_mtu,
        a_balancer_that_loses_nothing_is_tried_once,
        a_pktgen_from_before_its_counters_moved_will_do,
        flows_are_spread_over_clients,
        a_flood_ends_where_it_began,
        latency_is_told_by_rank,
    )


if __name__ == "__main__":
    sys.exit(main())
