#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds the JSON Schema that sluiced prints against the tables that the reader itself is tested with.

usage: check_schema.py SLUICED FIXTURES [CONFIGURATION...]

What the reader accepts the schema must accept. What the reader refuses the schema must refuse too,
except rows marked "accepts": rules that no schema can express, which must then pass it. Further
arguments are configurations that must pass.
"""
import copy
import json
import pathlib
import subprocess
import sys

import jsonschema


def parent_of(document, pointer):
    """The container that a JSON pointer's last step is taken in, and that step."""
    steps = pointer.split("/")[1:]
    for step in steps[:-1]:
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document, steps[-1]


def set_value(document, pointer, value):
    if pointer == "":
        return value
    parent, step = parent_of(document, pointer)
    if isinstance(parent, dict):
        parent[step] = value
    elif step == "-":
        parent.append(value)
    else:
        parent[int(step)] = value
    return document


def changed(document, row):
    document = copy.deepcopy(document)
    for pointer, value in row.get("set", {}).items():
        document = set_value(document, pointer, value)
    if "remove" in row:
        parent, step = parent_of(document, row["remove"])
        del parent[step]
    return document


def undescribed(schema, path=""):
    """The paths of keys of which the schema says nothing to a person."""
    for name, key in schema.get("properties", {}).items():
        if not isinstance(key, dict):
            continue  # a rule about a key that is described elsewhere
        if not key.get("description"):
            yield f"{path}{name}"
        yield from undescribed(key.get("items", key), f"{path}{name}.")


def main():
    sluiced, fixtures, *others = map(pathlib.Path, sys.argv[1:])
    printed = subprocess.run([sluiced, "--schema"], check=True, capture_output=True, text=True)
    schema = json.loads(printed.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.draft202012_format_checker
    )
    full, minimal, canonical, accepted, refused = (
        json.loads((fixtures / name).read_text())
        for name in (
            "full.json",
            "minimal.json",
            "minimal-canonical.json",
            "accepted.json",
            "refused.json",
        )
    )
    cases = [("minimal.json", minimal, True), ("minimal-canonical.json", canonical, True)]
    cases += [(str(path), json.loads(path.read_text()), True) for path in others]
    cases += [(row["title"], changed(full, row), True) for row in accepted]
    cases += [
        (row["sentence"], changed(full, row), {"accepts": True, "refuses": False}[row["schema"]])
        for row in refused
    ]
    failures = 0
    for title, document, wanted in cases:
        if validator.is_valid(document) != wanted:
            failures += 1
            print(f"the schema {'refuses' if wanted else 'accepts'}: {title}")
    for path in undescribed(schema):
        failures += 1
        print(f"the schema has no description of {path}")
    print(f"{len(cases) - failures} of {len(cases)} as expected")
    return 1 if failures or len(accepted) < 20 or len(refused) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
