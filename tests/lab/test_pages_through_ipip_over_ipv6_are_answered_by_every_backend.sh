#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Clients of IPv4 and of IPv6, over an outer header of IPv6.
. "$(dirname "$0")/begin.sh"

lab_begin '.pools[0].backends[].address |= sub("10.2.0."; "fd00:2::")'
expect_pages "$LAB_IPIP4" 300
expect_pages "$LAB_IPIP6" 300
expect_law
