# SPDX-License-Identifier: BSD-3-Clause
"""Figures of several runs, and tables of them."""
from statistics import median


def spread(values):
    values = list(values)
    return {"median": median(values), "min": min(values), "max": max(values)}


def span(values, digits=1):
    """The smallest and the largest, as the tables have it."""
    values = list(values)
    return f"({min(values):.{digits}f}-{max(values):.{digits}f})"


def aligned(rows, left):
    """Lines of a table: names, in the columns of `left`, to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        "  ".join(
            cell.ljust(width) if index in left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(cells, widths))
        ).rstrip()
        for cells in rows
    ]


def verdict(met):
    return "met" if met else "not met"
