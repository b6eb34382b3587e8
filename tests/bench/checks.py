# SPDX-License-Identifier: BSD-3-Clause
"""What the tests here that are scripts have in common: functions whose names are sentences."""
import signal
import traceback


def end_on_signal(number, frame):
    """Leaves through all that has to be cleaned up."""
    raise SystemExit(128 + number)


def run(*checks):
    """Prints `ok NAME`, or `FAIL NAME` and why, for each. Returns the exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_on_signal)
    failed = 0
    for check in checks:
        try:
            check()
            print(f"ok {check.__name__}")
        except Exception:
            traceback.print_exc()
            print(f"FAIL {check.__name__}")
            failed += 1
    return 1 if failed else 0
