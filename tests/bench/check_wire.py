#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
The wire of scripts/bench, in small and not timed: what the generator sends, sluiced receives and
sends on, to the last packet, where packets are dropped behind it and where they come back.

    check_wire.py BUILD
"""
import sys
import time

sys.dont_write_bytecode = True

import checks  # noqa: E402
import rig  # noqa: E402

BUILD = sys.argv[1]
PACKETS = 100_000
FLOWS = 10_000
SIZE = 64
RATE = 1000


def sums(stats):
    """Packets of sluiced by all of its accounts: received, judged, forwarded, transmitted."""
    return (
        sum(port["rx_packets"] for port in stats["ports"].values()),
        sum(stats["verdicts"].values()),
        stats["verdicts"]["forwarded"],
        sum(port["tx_packets"] for port in stats["ports"].values()),
    )


def account_of(sluice, sent):
    """What sluiced says of so many packets, when it is done with them."""
    sluice.wait_for(lambda: min(sums(sluice.call("stats.get"))) >= sent, f"{sent} packets")
    stats = sluice.call("stats.get")
    assert sums(stats) == (sent, sent, sent, sent), (sums(stats), sent)
    [worker] = stats["workers"]
    assert worker["packets"] == sent, worker
    assert 0 < worker["bursts"] <= min(sent, worker["iterations"]), worker
    return stats


def each_packet_that_is_sent_is_forwarded():
    with rig.open_rig(BUILD, returns=False) as (generator, sluice):
        generator.start(FLOWS)
        generator.wait_for(lambda: generator.call("counts")["sent"] >= PACKETS, "its packets")
        counts = generator.call("stop")
        stats = account_of(sluice, counts["sent"])
        assert all(backend["packets"] for backend in stats["backends"].values()), stats["backends"]
        assert counts["received"] == 0, counts


def each_packet_that_is_carried_comes_back():
    with rig.open_rig(BUILD, returns=True) as (generator, sluice):
        before = generator.call("counts")
        after = generator.call(f"carry {FLOWS} {SIZE} {PACKETS}")
        counts = {name: after[name] - before[name] for name in after}
        assert counts == {"sent": PACKETS, "refused": 0, "received": PACKETS}, counts
        account_of(sluice, after["sent"])


def a_rate_is_kept_to():
    with rig.open_rig(BUILD, returns=False) as (generator, sluice):
        began = time.monotonic()
        before = generator.start(FLOWS, RATE)["sent"]
        generator.wait_for(lambda: generator.call("counts")["sent"] >= before + RATE, "its packets")
        sent = generator.call("stop")["sent"] - before
        assert sent <= RATE * (time.monotonic() - began), sent


def main():
    return checks.run(
        each_packet_that_is_sent_is_forwarded,
        each_packet_that_is_carried_comes_back,
        a_rate_is_kept_to,
    )


if __name__ == "__main__":
    sys.exit(main())
