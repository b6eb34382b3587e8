#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whether manual pages that are made while building are sound; scripts/lint has those of the tree.

usage: check_manual.py PAGE...
"""
import subprocess
import sys

GROFF = ["groff", "-t", "-man", "-ww", "-Tutf8", "-rLL=80n"]


def main():
    complaints = ""
    for page in sys.argv[1:]:
        done = subprocess.run([*GROFF, page], capture_output=True, text=True, check=True)
        complaints += done.stderr
        if len(done.stdout.splitlines()) < 100:
            complaints += f"{page}: no page\n"
        with open(page, encoding="utf-8") as lines:
            complaints += "".join(f"{page}: {line}" for line in lines if line.startswith("@"))
    print(complaints, end="")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
