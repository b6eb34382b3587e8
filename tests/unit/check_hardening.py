#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
check_hardening.py FORTIFIED PROGRAM...: whether the programs are built as meson.build asks, by what
readelf says of them. FORTIFIED is "true" where the C library's own checks are asked for, too.
"""
import re
import subprocess
import sys

# What is asked for, and by what it is known in the output of `readelf -Whldn --dyn-syms`.
SIGNS = {
    "position independent": r"\(FLAGS_1\).*\bPIE\b",
    "symbols bound at the start": r"\(FLAGS_1\).*\bNOW\b",
    "relocations read-only": r"GNU_RELRO",
    "stack not executable": r"GNU_STACK\s+(0x\w+\s+){5}RW\s",
    "stack protector": r"\bUND __stack_chk_fail\b",
}
FORTIFIED = {"checks of the C library": r"\bUND __\w+_chk@"}


def describe(program):
    command = ["readelf", "-Whldn", "--dyn-syms", program]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def lacking(program, signs):
    text = describe(program)
    return [name for name, sign in signs.items() if not re.search(sign, text)]


def main(fortified, *programs):
    signs = SIGNS | (FORTIFIED if fortified == "true" else {})
    failed = False
    for program in programs:
        for name in lacking(program, signs):
            print(f"{program}: lacks {name}")
            failed = True
    return failed or not programs


sys.exit(main(*sys.argv[1:]))
