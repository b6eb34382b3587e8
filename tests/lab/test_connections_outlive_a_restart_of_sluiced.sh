#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Told to end and started again, then killed and started again, while a backend drains: its flows are
# where the table alone would not look for them. For how long the VIP does not answer is printed.
. "$(dirname "$0")/begin.sh"

PROBER=10.1.0.3
DOWNLOADS=30

# restart SIGNAL: under probes.
restart() {
	rm -f "$LAB_DIR/probe.json"
	lab_spawn probe cli python3 "$(dirname "$0")/syn_probe.py" "$PROBER" "$LAB_IPIP4" 80 "$LAB_DIR/probe.json"
	more_flows 100
	lab_balancer_stop "$1"
	lab_balancer_start "$CONFIG"
	more_flows 100
	lab_stop probe
	expect_equal "start after SIG$1" "$(lab_ctl --json status | jq -r .state.start)" warm
	say "SIG$1: the VIP did not answer for $(jq .gap_ms "$LAB_DIR/probe.json") ms"
	expect_at_least "probes that were answered" "$(jq .answers "$LAB_DIR/probe.json")" 150
}

more_flows() {
	wait_for 10 flows_are_at_least $(($(new_flows) + $1)) || die "the probes are not forwarded"
}

flows_are_at_least() {
	[ "$(new_flows)" -ge "$1" ]
}

new_flows() {
	lab_ctl --json backends | jq '[.[].new_flows] | add'
}

lab_begin
lab_ip cli addr add "$PROBER/24" dev cli0
downloads_start "$LAB_IPIP4" "$DOWNLOADS" 500k
lab_ctl backend drain web web-2 --deadline 1h
expect_at_least "connections with web-2, which drains" "$(connections 2)" 1
restart TERM
restart KILL
expect_at_least "connections with it afterwards" "$(connections 2)" 1
downloads_end
expect_equal "downloads that came whole" "$(downloads_whole)" "$DOWNLOADS"
expect_at_least "of these from web-2" "$(downloads_whole web-2)" 1
