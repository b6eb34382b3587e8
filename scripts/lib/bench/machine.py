# SPDX-License-Identifier: BSD-3-Clause
"""The machine: what the figures were measured on, and which CPUs and memory the programs get."""
import json
import os
import platform
import re
import shutil
import subprocess

# For one packet buffer as both programs make them: headers, headroom and 2,048 bytes make 2,432.
# In ordinary memory none of them may cross a page, so each takes one.
MBUF_BYTES_IN_HUGEPAGES = 2560
MBUF_BYTES_IN_PAGES = 4096
EAL_BYTES = 128 << 20


class MachineError(Exception):
    """Nothing can be measured here; says why."""


def find_program(name):
    path = shutil.which(name)
    if path is None:
        raise MachineError(f"{name} is not installed: scripts/setup bench")
    return path


def read_text(path):
    with open(path) as file:
        return file.read()


def choose_cpus():
    """(CPU for everything else, CPU of the worker): the first and the last that we may use."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise MachineError("two CPUs are needed, one of them for the worker alone")
    return cpus[0], cpus[-1]


def on_cpus(cpus):
    """What to begin a command with that is to have those. (Python in the child, before it becomes
    the program, would take signals that are meant for us.)"""
    return ["taskset", "-c", ",".join(str(cpu) for cpu in sorted(set(cpus)))]


def free_hugepage_bytes():
    """In pages of the default size, the ones that DPDK takes without being told."""
    fields = dict(re.findall(r"^(HugePages_Free|Hugepagesize): +(\d+)", read_text("/proc/meminfo"), re.M))
    return int(fields["HugePages_Free"]) * int(fields["Hugepagesize"]) * 1024


def hugepages_suffice(mbufs):
    return free_hugepage_bytes() >= mbufs * MBUF_BYTES_IN_HUGEPAGES + EAL_BYTES


def memory_arguments(mbufs, hugepages):
    """For EAL: where its memory comes from and, where it cannot take more later, how much."""
    if hugepages:
        return ["--in-memory"]
    megabytes = mbufs * MBUF_BYTES_IN_PAGES + EAL_BYTES >> 20
    return ["--no-huge", "--no-shconf", f"-m{megabytes}"]


def cpu_model():
    found = re.search(r"^model name\s*: (.*)$", read_text("/proc/cpuinfo"), re.M)
    return found.group(1) if found else platform.processor() or platform.machine()


def measure(build):
    """What only a program of ours can tell: the TSC's frequency, the version of DPDK."""
    path = os.path.join(build, "tests", "bench", "bench_machine")
    if not os.path.exists(path):
        raise MachineError(f"there is no {path}: is this a build without tests (-Dtests=true)?")
    return json.loads(subprocess.run([path], check=True, capture_output=True, text=True).stdout)


def describe(build, hugepages):
    """The machine as the report names it. Takes a moment."""
    measured = measure(build)
    return {
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "tsc_hz": measured["tsc_hz"],
        "kernel": os.uname().release,
        "dpdk": measured["dpdk"],
        "hugepages": hugepages,
    }


def lines(description):
    """The same for people."""
    memory = "hugepages" if description["hugepages"] else "ordinary pages of memory (no hugepages)"
    return [
        f"{description['cpu']}, {description['cpus']} CPUs, TSC {description['tsc_hz'] / 1e6:.0f} MHz",
        f"Linux {description['kernel']}, {description['dpdk']}, {memory}",
    ]
