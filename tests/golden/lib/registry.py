# SPDX-License-Identifier: BSD-3-Clause
"""The cases by name, in the order in which they are written."""

CASES = {}


def case(function):
    """A case is a function of a Rig; its name is the sentence that it shows."""
    if function.__name__ in CASES:
        raise ValueError(f"two cases are called {function.__name__}")
    CASES[function.__name__] = function
    return function
