# SPDX-License-Identifier: BSD-3-Clause
"""The programs of tests/bench that run the worker in a process of their own."""
import json
import os
import subprocess

from . import machine
from .machine import MachineError
from .program import ProgramError

MEGABYTES = 192
SECONDS = 900


def path_of(build, name):
    path = os.path.join(build, "tests", "bench", name)
    if not os.path.exists(path):
        raise MachineError(f"there is no {path}: is this a build without tests (-Dtests=true)?")
    return path


def run(build, name, arguments, cpus, hugepages, wrapper=()):
    """
    Its answer, under another program where there is a `wrapper`. It measures on the last of `cpus`;
    only a second worker comes where we are.
    """
    memory = ["--in-memory"] if hugepages else ["--no-huge", "--no-shconf"]
    command = [
        *machine.on_cpus(cpus), *wrapper, path_of(build, name), "--lcores", f"0@{cpus[1]},1@{cpus[0]}", "--no-pci", "--no-telemetry",
        "--log-level=error", "-m", str(MEGABYTES), *memory, "--", *arguments,
    ]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as late:
        raise ProgramError(f"{' '.join(command)}: took longer than {SECONDS} s") from late
    if answer.returncode != 0:
        raise ProgramError(f"{' '.join(command)}:\n{answer.stderr}")
    return json.loads(answer.stdout)
