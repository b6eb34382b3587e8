#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What the kernel knows of the interface reaches `status`: no carrier, no readiness; and the log says
# when it went and came.
. "$(dirname "$0")/begin.sh"

status_is() {
	[ "$(lab_ctl --json status | jq -c "$1")" = "$2" ]
}

log_says() {
	grep -q "$1" "$LAB_DIR/sluiced.log"
}

lab_begin
expect_success "ready with the link up" status_is '[.ready, .ports[0].link]' '[true,"up"]'
lab_ip rtr link set r-bal down
expect_success "not ready without a carrier" \
	wait_for 60 status_is '[.ready, .ports[0].link, .reasons]' '[false,"down",["port edge: link is down"]]'
expect_success "which the log says" wait_for 60 log_says 'port edge: link is down'
lab_ip rtr link set r-bal up
expect_success "ready again" wait_for 60 status_is '[.ready, .ports[0].link]' '[true,"up"]'
expect_success "which the log says, too" wait_for 60 log_says 'port edge: link is up'
expect_pages "$LAB_IPIP4" 60
