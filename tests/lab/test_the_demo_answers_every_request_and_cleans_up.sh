#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The demo as a user meets it: plain, kept and cleaned, killed and cleaned.
. "$(dirname "$0")/begin.sh"

DEMO=$SLUICE_TOP/scripts/demo

# Labs of the demos in here are their own, not those of whoever runs the tests.
demo() {
	LAB_ROOT=$LAB_DIR/labs SLUICE_STARTED_US='' "$DEMO" "$@" >"$LAB_DIR/demo.log" 2>&1
}

labs() {
	find "$LAB_DIR/labs" -mindepth 1 -maxdepth 1
}

namespaces_of() {
	find /run/netns -name "$(basename "$1")-*" | wc -l
}

demo_is_fetching() {
	grep -q 'fetching' "$LAB_DIR/demo.log"
}

lab_open
mkdir "$LAB_DIR/labs"
expect_success "the demo succeeds" demo
expect_text "it says so" "$(tail -n 1 "$LAB_DIR/demo.log")" '([0-9]+) of \1 requests were answered'
expect_equal "labs left" "$(labs | wc -l)" 0

expect_success "the demo --keep succeeds" demo --keep
lab=$(labs)
expect_equal "its namespaces" "$(namespaces_of "$lab")" 6
expect_equal "its status" "$("$SLUICECTL" --socket "$lab/control.sock" --json status | jq .ready)" true
expect_success "the demo --clean succeeds" demo --clean
expect_equal "labs left" "$(labs | wc -l)" 0
expect_equal "namespaces left" "$(namespaces_of "$lab")" 0

LAB_ROOT=$LAB_DIR/labs "$DEMO" >"$LAB_DIR/demo.log" 2>&1 &
pid=$!
process_identity "$pid" >"$LAB_DIR/pids/demo"
wait_for 60 demo_is_fetching || die "the demo does not get as far as fetching"
lab=$(labs)
kill -KILL "$pid"
wait_for 60 lab_gone demo || die "the demo lives on"
expect_success "the demo --clean succeeds" demo --clean
expect_equal "labs left after a kill -9" "$(labs | wc -l)" 0
expect_equal "namespaces left" "$(namespaces_of "$lab")" 0
