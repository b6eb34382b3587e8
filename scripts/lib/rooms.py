#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
rooms.py [DIRECTORY]: holds the sources to the rooms below. Prints file, line and rule of each include
that breaks one, and exits 1 if there is any; scripts/lint calls it.

A wing is a folder of the tree, a room a folder in it; "" are the files of the wing itself. A room
includes only what is on floors below it: what else it needs, it is given by whoever calls it.
"""
import os
import re
import sys

# From the ground up. Rooms of one floor know nothing of each other.
FLOORS = {
    "dataplane": [["packet"], ["encap", "maglev", "service"], ["tables"], ["affinity"], ["state"], [""]],
    "drivers-config": [["base"], ["steer", "decap", "probe"], [""]],
    "control": [
        ["common"],
        ["json", "sluicectl"],
        ["config", "rpc"],
        ["edit", "plan", "probes", "steering"],
        ["pool", "observe"],
        ["impact"],
        ["forwarding"],
        ["health", "host"],
        ["desired"],
        ["api"],
        ["", "man"],
    ],
}

# Which wings a wing may look into, all of their rooms; tests may look into all of them.
OPEN = {"control": {"dataplane", "drivers-config"}, "dataplane": set(), "drivers-config": set()}

# Programs of their own: no other room includes them, and they include nothing but this.
APART = {
    ("control", "sluicectl"): {"common/suggestion.h", "base/error.h", "base/plural.h"},
    ("drivers-config", "decap"): {"base/error.h", "base/netdev.h", "base/netdev_upper.h", "base/plural.h"},
}

# What the lower wings do not know; but a program among them may print JSON: *_main.c.
FOREIGN = re.compile(r"jansson\.h|event2/.*|curl/.*|sys/un\.h")
LOWER = ("dataplane", "drivers-config")

# Made while building.
MADE = re.compile(r".*\.skel\.h|version\.h")

INCLUDE = re.compile(r'#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')


class House:
    def __init__(self, top):
        self.top = top
        self.complaints = []
        self.sources = []  # paths from top, of .c and .h
        for wing in [*FLOORS, "tests"]:
            for folder, _, names in os.walk(os.path.join(top, wing)):
                at = os.path.relpath(folder, top)
                self.sources += [os.path.join(at, name) for name in names if name.endswith((".c", ".h"))]
        self.sources.sort()
        self.headers = {}  # name -> paths
        for path in self.sources:
            if path.endswith(".h"):
                self.headers.setdefault(os.path.basename(path), []).append(path)

    def complain(self, path, line, rule):
        self.complaints.append(f"{path}:{line}: {rule}")

    def judge(self):
        for name, paths in self.headers.items():
            if len(paths) > 1:
                self.complain(paths[1], 1, f"{name} is the name of {paths[0]}, too")
        for path in self.sources:
            wing, room = place(path)
            if wing in FLOORS and floor(wing, room) is None:
                self.complain(path, 1, f"{room} is no room of {wing} (FLOORS in scripts/lib/rooms.py)")
                continue
            with open(os.path.join(self.top, path), encoding="utf-8") as source:
                for line, text in enumerate(source, 1):
                    found = INCLUDE.match(text)
                    if found and found[1]:
                        self.judge_own(path, line, found[1])
                    elif found:
                        self.judge_foreign(path, line, found[2])
        return self.complaints

    def judge_foreign(self, path, line, name):
        wing, _ = place(path)
        if wing in LOWER and FOREIGN.fullmatch(name) and not path.endswith("_main.c"):
            self.complain(path, line, f"{wing} knows nothing of <{name}>")

    def judge_own(self, path, line, name):
        if MADE.fullmatch(name):
            return
        target = self.find(path, name)
        if target is None:
            at = self.headers.get(os.path.basename(name))
            self.complain(path, line, f'"{name}" names no file' + (f": it is {inside(at[0])}" if at else ""))
            return
        wing, room = place(path)
        to_wing, to_room = place(target)
        if wing == "tests" or (wing, room) == (to_wing, to_room):
            return
        if to_wing == "tests":
            self.complain(path, line, f'"{name}" is of the tests')
        elif (to_wing, to_room) in APART and not is_inside(path, to_wing, to_room):
            self.complain(path, line, f'"{name}" is of {to_room}, a program of its own')
        elif (wing, room) in APART:
            if inside(target) not in APART[wing, room]:
                self.complain(path, line, f'"{name}": {room} is a program of its own and includes only {listed(APART[wing, room])}')
        elif wing == to_wing:
            if floor(wing, to_room) >= floor(wing, room):
                above = "above" if floor(wing, to_room) > floor(wing, room) else "beside"
                self.complain(path, line, f'"{name}" is {above} {title(wing, room)}: includes point downwards')
        elif to_wing not in OPEN[wing]:
            self.complain(path, line, f'"{name}" is of {to_wing}, of which {wing} knows nothing')

    def find(self, path, name):
        """The file that this include means, by its room; a test finds what is beside it, too."""
        for target in self.headers.get(os.path.basename(name), []):
            if inside(target) == name:
                return target
        if path.startswith("tests/"):
            beside = [os.path.normpath(os.path.join(os.path.dirname(path), name))]
            beside += [os.path.join(folder, name) for folder in ("tests/unit", "tests/bench", "tests/fuzz")]
            beside += [os.path.join(wing, name) for wing in FLOORS]
            return next((target for target in beside if target in self.sources), None)
        return None


def place(path):
    """Wing and room of a file."""
    parts = path.split("/")
    return parts[0], "/".join(parts[1:-1])


def inside(path):
    """How an include names this file."""
    return path.split("/", 1)[1]


def is_inside(path, wing, room):
    return place(path) == (wing, room)


def floor(wing, room):
    return next((at for at, rooms in enumerate(FLOORS[wing]) if room in rooms), None)


def title(wing, room):
    return f"{wing}/{room}" if room else wing


def listed(names):
    return ", ".join(sorted(names))


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else "."
    complaints = House(top).judge()
    for complaint in complaints:
        print(complaint)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
