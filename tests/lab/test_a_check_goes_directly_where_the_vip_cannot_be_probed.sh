#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Nobody has said which way checks go, and then the balancer's own kernel stands in the way to the
# VIP: it has the VIP itself, or drops what comes from it. The check goes to the backends' own
# addresses meanwhile, says so, and no backend is taken for down for long.
. "$(dirname "$0")/begin.sh"

# all_are VIA: each backend is up, by probes of that way.
all_are() {
	lab_ctl --json health | jq -e --arg via "$1" 'all(.status == "up" and .via == $via)' >/dev/null
}

# expect_detour TEXT
expect_detour() {
	wait_for 60 all_are direct || die "no detour: $(lab_ctl health --all)"
	expect_at_least "times that it says why" "$(grep -c "directly and not by its VIP: .*$1" "$LAB_DIR/sluiced.log")" 1
}

expect_vip() {
	wait_for 60 all_are vip || die "not by the VIP again: $(lab_ctl health --all)"
}

lab_begin '.pools[].health = {type: "http", interval_ms: 200, timeout_ms: 150, fall: 2}'
expect_vip

say "the balancer has the VIP itself"
lab_ip bal addr add "$LAB_IPIP4/32" dev lo
expect_detour "$LAB_IPIP4 is an address of this host"
lab_ip bal addr del "$LAB_IPIP4/32" dev lo
expect_vip

say "the reverse path filter drops what comes from the VIP"
lab_in bal sysctl -qw net.ipv4.conf.edge0.rp_filter=1
lab_ip bal route replace unreachable "$LAB_IPIP4/32"
expect_detour "net.ipv4.conf.edge0.rp_filter"
lab_in bal sysctl -qw net.ipv4.conf.edge0.rp_filter=0
expect_vip
