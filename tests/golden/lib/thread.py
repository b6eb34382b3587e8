# SPDX-License-Identifier: BSD-3-Clause
"""One thread of another process, held still by ptrace(2) while all others go on."""
import contextlib
import ctypes
import os

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000  # waitpid(2): any kind of child, a traced thread among them

libc = ctypes.CDLL(None, use_errno=True)


def _ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of thread {thread}")


def find_thread(process, name):
    """The id of the thread of `process` whose name begins with `name`."""
    for thread in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{thread}/comm") as file:
            if file.read().startswith(name):
                return int(thread)
    raise LookupError(f"process {process} has no thread {name}")


@contextlib.contextmanager
def held_still(thread):
    _ptrace(PTRACE_SEIZE, thread)
    try:
        _ptrace(PTRACE_INTERRUPT, thread)
        os.waitpid(thread, WALL)
        yield
    finally:
        _ptrace(PTRACE_DETACH, thread)
