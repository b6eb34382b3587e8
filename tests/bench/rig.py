# SPDX-License-Identifier: BSD-3-Clause
"""
bench_generator and a whole sluiced at the two ends of a wire, for tests: in ordinary memory, which
every machine has, on any CPUs, and at rest when there is nothing to do.
"""
import contextlib
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "scripts", "lib"))

from bench import machine  # noqa: E402
from bench.generator import FAR_END_EAL, SINK, Generator  # noqa: E402
from bench.sluice import Sluice  # noqa: E402

MBUFS = 12288  # those of the ring and its caches fit
FIRST_RATE = 1000  # packets a second, by which sluiced is found ready


def is_silent(generator, sluice, returns):
    received, sent = generator.counts()
    return sluice.counts() == (sent, sent) and received == (sent if returns else 0)


@contextlib.contextmanager
def open_rig(build, returns, mtu=1500):
    """(generator, sluiced), both silent. sluiced sends to where packets are dropped, or `returns`
    them by the wire."""
    cpus = sorted(os.sched_getaffinity(0))
    cpus = cpus[0], cpus[-1]
    memory = [*machine.memory_arguments(MBUFS, hugepages=False), *FAR_END_EAL]
    with tempfile.TemporaryDirectory(prefix="wire-") as directory:
        places = [os.path.join(directory, name) for name in ("generator", "sluice")]
        for place in places:
            os.mkdir(place, 0o750)
        with Generator(places[0], cpus, build, hugepages=False) as generator:
            generator.start(flows=1, rate=FIRST_RATE)
            devices = [generator.far_end(), *([] if returns else [SINK])]
            sluice = Sluice(places[1], cpus, build, devices, MBUFS, memory, idle="rest", mtu=mtu)
            with sluice:
                generator.call("stop")
                sluice.wait_for(lambda: is_silent(generator, sluice, returns), "silence")
                yield generator, sluice
