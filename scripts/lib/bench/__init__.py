# SPDX-License-Identifier: BSD-3-Clause
"""The parts of scripts/bench: rows, traffic, the two programs it compares, cycles, the report."""
