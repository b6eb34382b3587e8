#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Neither with files of its own nor with those of the first.
. "$(dirname "$0")/begin.sh"

# start_second CONFIG: what it says is in LAB_DIR/second.
start_second() {
	timeout 120 ip netns exec "$LAB_ID-bal" "$SLUICED" -c "$1" >"$LAB_DIR/second" 2>&1
}

lab_begin
jq --arg dir "$LAB_DIR" '.dataplane.state_file = "\($dir)/state2/state" |
	.control.socket = "\($dir)/control2.sock" | .dataplane.eal += ["--file-prefix=\($dir | gsub("/"; "-"))-2"]' \
	"$CONFIG" >"$LAB_DIR/second.json"

expect_refusal "a second instance on the same interface is refused" start_second "$LAB_DIR/second.json"
expect_text "it says who holds it" "$(grep -w "$(lab_pid sluiced)" "$LAB_DIR/second")" edge0
expect_pages "$LAB_IPIP4" 60

expect_refusal "a second instance with the same files is refused" start_second "$CONFIG"
expect_text "it says who holds them" "$(cat "$LAB_DIR/second")" "\b$(lab_pid sluiced)\b"
expect_pages "$LAB_IPIP4" 60
