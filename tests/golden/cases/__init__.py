# SPDX-License-Identifier: BSD-3-Clause
"""The golden cases; importing this package registers all of them."""
from . import (balancing, broken, configuration, discovery, drops, events, forwarding, groups, health,
               icmp, methods, services, updates, workers, zones)

__all__ = ["balancing", "broken", "configuration", "discovery", "drops", "events", "forwarding",
           "groups", "health", "icmp", "methods", "services", "updates", "workers", "zones"]
