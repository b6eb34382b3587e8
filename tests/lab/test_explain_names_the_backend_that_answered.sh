#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What sluicectl says of a flow is what happened to its packets.
. "$(dirname "$0")/begin.sh"

# explained CLIENT VIP < LINES: how many of the flows went where explain says.
explained() {
	local right=0 backend port answer
	while read -r _ backend port; do
		answer=$(lab_ctl --json explain --from "$(url_host "$1"):$port" --to "$(url_host "$2"):80" </dev/null)
		[ "$(jq -r .backend <<<"$answer")" != "$backend" ] || right=$((right + 1))
	done
	echo "$right"
}

lab_begin
lab_fetch "$LAB_IPIP4" 30 >"$LAB_DIR/pages4"
lab_fetch "$LAB_IPIP6" 30 >"$LAB_DIR/pages6"
expect_equal "flows of IPv4 explained" "$(explained "$LAB_CLIENT4" "$LAB_IPIP4" <"$LAB_DIR/pages4")" 30
expect_equal "flows of IPv6 explained" "$(explained "$LAB_CLIENT6" "$LAB_IPIP6" <"$LAB_DIR/pages6")" 30
