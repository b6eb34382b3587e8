#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A backend that asks for less than its weight gets less; with its check goes what it has asked for.
. "$(dirname "$0")/begin.sh"

# factor NAME: of its weight, in percent.
factor_is() {
	[ "$(lab_ctl --json backends | jq -r --arg name "$1" '.[] | select(.name == $name) | .weight_percent')" = "$2" ]
}

lab_up
mkdir -p "$LAB_DIR/nginx-1/locations"
echo 'location = /weight { add_header X-Load-Balancing-Endpoint-Weight 50; return 200; }' \
	>"$LAB_DIR/nginx-1/locations/weight.conf"
lab_backends_start
CONFIG=$LAB_DIR/sluice.json
lab_config | jq '.pools[].health = {type: "http", path: "/weight", weight_header: true, expect_status: "200,404",
	via: "direct", interval_ms: 300, timeout_ms: 250}' >"$CONFIG"
chmod 640 "$CONFIG"
lab_balancer_start "$CONFIG"
wait_for 60 factor_is web-1 50 || die "web-1 does not get what it asks for"
say "web-1 gets half of its weight, as it asks for"
expect_equal "web-2 gets all of its weight" "$(factor_is web-2 100 && echo yes)" yes

jq 'del(.pools[].health)' "$CONFIG" >"$CONFIG.new"
cat "$CONFIG.new" >"$CONFIG"
lab_ctl reload
wait_for 60 factor_is web-1 100 || die "web-1 is not checked any more and still gets half of its weight"
say "web-1 gets all of its weight again"
expect_pages "$LAB_IPIP4" 200
