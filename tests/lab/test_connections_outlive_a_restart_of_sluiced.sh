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
	wait_to_reach "$1" 30 "new flows" new_flows_since "$(new_flows)" || die "the probes are not forwarded"
}

new_flows() {
	lab_ctl --json backends | jq '[.[].new_flows] | add'
}

new_flows_since() {
	echo $(($(new_flows) - $1))
}

lab_begin
lab_ip cli addr add "$PROBER/24" dev cli0
downloads_start "$LAB_IPIP4" "$DOWNLOADS"
lab_ctl backend drain web web-2 --deadline 1h
connected=$(downloads_are begun web-2)
expect_at_least "connections with web-2, which drains" "$connected" 1
restart TERM
restart KILL
downloads_end
expect_equal "downloads that came whole" "$(downloads_are whole)" "$DOWNLOADS"
expect_equal "of these from web-2" "$(downloads_are whole web-2)" "$connected"
