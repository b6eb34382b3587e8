#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A good file replaces the configuration, a bad one changes nothing, and both without a lost page.
. "$(dirname "$0")/begin.sh"

# change JQ_FILTER: writes the file anew and says so to sluiced.
change() {
	jq "$1" "$CONFIG" >"$LAB_DIR/next.json"
	cp "$LAB_DIR/next.json" "$CONFIG"
	kill -HUP "$(lab_pid sluiced)"
}

slots_are() {
	[ "$(lab_ctl --json backends | jq -c 'map(.slots > 0)')" = "$1" ]
}

log_says() {
	grep -q "$1" "$LAB_DIR/sluiced.log"
}

lab_begin
change '.pools[0].backends[1].state = "disabled"'
expect_success "web-2 is disabled" wait_for 60 slots_are '[true,false,true]'
change '.services[0].port = 70000 | .pools[0].backends[1].state = "active"'
expect_success "a bad file is refused with its path" wait_for 60 log_says 'services\[0\].port: 70000'
expect_success "and has changed nothing" slots_are '[true,false,true]'
lab_fetch "$LAB_IPIP4" 60 >"$LAB_DIR/pages"
expect_equal "pages answered" "$(answered <"$LAB_DIR/pages")" 60
expect_equal "of these by web-2" "$(answered_by web-2 <"$LAB_DIR/pages")" 0
change '.services[0].port = 80'
expect_success "a mended one is applied" wait_for 60 slots_are '[true,true,true]'
expect_pages "$LAB_IPIP4" 60
