#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What a dry run says will break does break, and what it says will not does not: a service that
# carries traffic is not removed without force, a drain breaks nothing, and a backend that drains is
# not cut off in silence.
. "$(dirname "$0")/begin.sh"
# shellcheck source=tests/lab/downloads.sh
. "$(dirname "$0")/downloads.sh"

DOWNLOADS=12

life() {
	lab_ctl --json backends | jq -r --arg name "$1" '.[] | select(.name == $name) | .life'
}

lives() {
	[ "$(life "$1")" = "$2" ]
}

report() {
	jq -r "$1" "$LAB_DIR/report.json"
}

# They are counted as their packets come.
flows_are_foreseen() {
	lab_ctl --json backend set web web-1 --state disabled --dry-run >"$LAB_DIR/report.json"
	[ "$(report '.backends_cut[0].flows_left.estimate')" -ge 1 ]
}

lab_begin
downloads_start "$LAB_IPIP4" "$DOWNLOADS"
connected=$(downloads_are begun web-1)
expect_at_least "connections with web-1" "$connected" 1

expect_refusal "a service with traffic is not removed without force" lab_ctl service remove www
lab_ctl --json service remove www --dry-run >"$LAB_DIR/report.json" || true
expect_equal "the service that would lose its connections" "$(report '.services_cut[0].service')" www
expect_equal "its packets were counted" "$(report '.services_cut[0].packets > 0')" true
expect_text "and it would need force" "$(report .needs_force)" 'www.*needs force'
expect_pages "$LAB_IPIP4" 30

lab_ctl --json backend drain web web-1 --deadline 10m >"$LAB_DIR/report.json"
expect_equal "flows that a drain cuts off" "$(report .cut_percent)" 0
expect_success "web-1 drains" wait_for 10 lives web-1 drain

expect_success "flows that are left are seen" wait_for 30 flows_are_foreseen
expect_at_least "slots whose flows would be given up" "$(report '.backends_cut[0].slots')" 1
expect_at_least "flows that are left" "$(report '.backends_cut[0].flows_left.estimate')" 1
expect_equal "connections broken so far" "$(downloads_are broken)" 0
lab_ctl --json backend set web web-1 --state disabled >"$LAB_DIR/report.json"
expect_equal "slots that moved" "$(report .slots_moved)" 0
expect_equal "connections were broken" "$(report '.cut_percent > 0')" true
expect_equal "life of web-1" "$(life web-1)" off
downloads_end
expect_equal "connections with web-1 that broke" "$(downloads_are broken web-1)" "$connected"
expect_equal "downloads that came whole" "$(downloads_are whole)" $((DOWNLOADS - connected))
