# SPDX-License-Identifier: BSD-3-Clause
"""
What is measured, one line of the report each. A row is data: what comes in and how sluice is
configured; a new mode, family or size is a new line here.
"""
from dataclasses import dataclass

VIP = "203.0.113.10"
VIP_PORT = 80
BACKENDS = 100


@dataclass(frozen=True)
class Row:
    name: str
    flows: int
    # the least that macswap's cycles over sluice's may be, where something is set
    target: float = None
    forward: str = "ipip"


ROWS = [
    Row("1 flow", flows=1, target=0.52),
    Row("10 k flows", flows=10_000, target=0.55),
    Row("100 k flows", flows=100_000, target=0.65),
]
