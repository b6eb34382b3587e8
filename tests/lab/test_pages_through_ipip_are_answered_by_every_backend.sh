#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Clients of IPv4 and of IPv6, over an outer header of IPv4.
. "$(dirname "$0")/begin.sh"

lab_begin
expect_pages "$LAB_IPIP4" 300
expect_pages "$LAB_IPIP6" 300
expect_equal "new flows of all backends" \
	"$(lab_ctl --json backends | jq '[.[].new_flows] | add')" 600
expect_equal "packets of the two services as backends and as services count them" \
	"$(lab_stat '([.backends[].packets] | add) == ([.services[].packets] | add)')" true
expect_law
