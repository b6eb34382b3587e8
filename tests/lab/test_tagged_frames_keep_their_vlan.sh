#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Frames made by hand, because not every kernel has VLAN devices.
. "$(dirname "$0")/begin.sh"

lab_begin
for vip in "$LAB_IPIP4" "$LAB_IPIP6" "$LAB_DSR4" "$LAB_DSR6"; do
	lab_in rtr /usr/bin/python3 "$(dirname "$0")/tagged_frame.py" r-bal "$vip" 42 ||
		die "tagged frames for $vip do not come back as they should"
	say "a tagged frame for $vip reaches its backend with its tag"
done
expect_equal "packets forwarded" "$(lab_stat .verdicts.forwarded)" 4
