#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What waits for a number to be reached gives up once it stands still, and not because it is slow.
# Under a clock that goes on by a second whenever it is looked at.
. "$(dirname "$0")/begin.sh"

# wait_for_number GOAL LIMIT: for a number that grows by 1 at every fourth look, as far as LIMIT.
# shellcheck disable=SC2317 # called by wait_to_reach
wait_for_number() (
	now_us() {
		read -r now <"$LAB_DIR/clock"
		echo $((now + 1000000)) >"$LAB_DIR/clock"
		echo "$now"
	}
	number() {
		read -r looks <"$LAB_DIR/looks"
		echo $((looks + 1)) >"$LAB_DIR/looks"
		echo $((looks / 4 < $1 ? looks / 4 : $1))
	}
	echo "$SLUICE_STARTED_US" >"$LAB_DIR/clock"
	echo 0 >"$LAB_DIR/looks"
	wait_to_reach "$1" 10 pages number "$2" >"$LAB_DIR/said"
)

lab_open
expect_success "5 pages in 20 s come" wait_for_number 5 100
expect_text "it says how far it is" "$(head -n 1 "$LAB_DIR/said")" 'pages: [0-4] of 5$'
expect_refusal "5 pages of which 3 come are given up" wait_for_number 5 3
expect_text "it says where it was" "$(tail -n 1 "$LAB_DIR/said")" 'pages: 3 of 5, and none for 10 s$'
