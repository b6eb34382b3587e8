#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Whether scripts/lib/rooms.py, which scripts/lint asks, sees an include that breaks the rules of the
house: with small trees that are made here.
"""
import os
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
sys.path[:0] = [os.path.join(HERE, "..", "bench"), os.path.join(TOP, "scripts", "lib")]

import checks  # noqa: E402
import rooms  # noqa: E402

SOUND = {
    "dataplane/packet/flow.h": "#include <stdint.h>\n",
    "dataplane/affinity/pin.h": '#include "packet/flow.h"\n',
    "dataplane/worker.h": '#include "affinity/pin.h"\n',
    "drivers-config/base/error.h": "#pragma once\n",
    "drivers-config/base/claim.h": "#pragma once\n",
    "drivers-config/decap/decap.h": '#include "base/error.h"\n',
    "drivers-config/decap/decap_main.c": '#include <jansson.h>\n#include "decap/decap.h"\n',
    "drivers-config/steer/steer.c": '#include "steer.skel.h"\n#include "base/claim.h"\n',
    "control/common/suggestion.h": '#include "base/error.h"\n',
    "control/config/config.h": '#include "common/suggestion.h"\n#include "packet/flow.h"\n',
    "control/rpc/rpc.h": '#include "common/suggestion.h"\n',
    "control/sluicectl/table.h": '#include "common/suggestion.h"\n',
    "control/main.c": '#include "config/config.h"\n#include "worker.h"\n',
    "tests/unit/unit.h": "#pragma once\n",
    "tests/unit/config/test_config.c": '#include "unit.h"\n#include "config/config.h"\n',
}


def complaints_of(**changed):
    """What is said of the sound tree with these files in it, by their paths."""
    with tempfile.TemporaryDirectory() as top:
        for path, text in {**SOUND, **changed}.items():
            os.makedirs(os.path.join(top, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(top, path), "w", encoding="utf-8") as source:
                source.write(text)
        return rooms.House(top).judge()


def assert_refused(path, include, rule):
    """That include, as the last line of this file, is complained of in just this way."""
    text = SOUND.get(path, "") + f"#include {include}\n"
    complaints = complaints_of(**{path: text})
    assert complaints == [f"{path}:{text.count(chr(10))}: {rule}"], complaints


def a_sound_tree_is_accepted():
    assert complaints_of() == []


def the_tree_itself_is_accepted():
    complaints = rooms.House(TOP).judge()
    assert complaints == [], complaints
    assert len(rooms.House(TOP).sources) > 300


def an_include_upwards_is_refused():
    assert_refused(
        "dataplane/packet/flow.h", '"affinity/pin.h"',
        '"affinity/pin.h" is above dataplane/packet: includes point downwards',
    )
    assert_refused(
        "control/config/config.h", '"rpc/rpc.h"',
        '"rpc/rpc.h" is beside control/config: includes point downwards',
    )
    assert_refused(
        "dataplane/affinity/pin.h", '"worker.h"',
        '"worker.h" is above dataplane/affinity: includes point downwards',
    )


def an_include_past_a_wall_is_refused():
    assert_refused(
        "dataplane/worker.h", '"base/error.h"',
        '"base/error.h" is of drivers-config, of which dataplane knows nothing',
    )
    assert_refused(
        "drivers-config/steer/steer.c", '"packet/flow.h"',
        '"packet/flow.h" is of dataplane, of which drivers-config knows nothing',
    )
    assert_refused("control/main.c", '"unit.h"', '"unit.h" names no file: it is unit/unit.h')


def programs_of_their_own_stay_apart():
    assert_refused(
        "control/main.c", '"sluicectl/table.h"', '"sluicectl/table.h" is of sluicectl, a program of its own'
    )
    assert_refused(
        "control/main.c", '"decap/decap.h"', '"decap/decap.h" is of decap, a program of its own'
    )
    assert_refused(
        "control/sluicectl/table.h", '"config/config.h"',
        '"config/config.h": sluicectl is a program of its own and includes only '
        "base/error.h, base/plural.h, common/suggestion.h",
    )


def lower_wings_know_nothing_of_sockets_and_json():
    assert_refused("dataplane/worker.h", "<jansson.h>", "dataplane knows nothing of <jansson.h>")
    assert_refused("drivers-config/steer/steer.c", "<event2/event.h>", "drivers-config knows nothing of <event2/event.h>")


def an_include_names_the_room():
    assert_refused("control/main.c", '"config.h"', '"config.h" names no file: it is config/config.h')
    assert_refused("control/main.c", '"configs/config.h"', '"configs/config.h" names no file: it is config/config.h')
    assert_refused("control/main.c", '"nowhere.h"', '"nowhere.h" names no file')


def a_room_that_is_in_no_list_is_refused():
    complaints = complaints_of(**{"control/attic/box.h": "#pragma once\n"})
    assert complaints == ["control/attic/box.h:1: attic is no room of control (FLOORS in scripts/lib/rooms.py)"], complaints


def two_headers_of_one_name_are_refused():
    complaints = complaints_of(**{"dataplane/packet/config.h": "#pragma once\n"})
    assert complaints == ["dataplane/packet/config.h:1: config.h is the name of control/config/config.h, too"], complaints


sys.exit(
    checks.run(
        a_sound_tree_is_accepted,
        the_tree_itself_is_accepted,
        an_include_upwards_is_refused,
        an_include_past_a_wall_is_refused,
        programs_of_their_own_stay_apart,
        lower_wings_know_nothing_of_sockets_and_json,
        an_include_names_the_room,
        a_room_that_is_in_no_list_is_refused,
        two_headers_of_one_name_are_refused,
    )
)
