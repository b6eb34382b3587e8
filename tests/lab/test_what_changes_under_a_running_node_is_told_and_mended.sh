#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# While sluiced runs, somebody takes its XDP program and its tc filter off, gives the interface
# another MAC address, lowers its MTU, removes the address that tunnels come from, gives the host a
# VIP for its own, and lets anybody read the configuration. Program and filter are put back and the
# MAC address is followed; `status` tells of the others until they are over.
. "$(dirname "$0")/begin.sh"

warns() {
	lab_ctl --json status | jq -e --arg text "$1" '.warnings | any(contains($text))' >/dev/null
}

warns_not() {
	! warns "$1"
}

# expect_told WHAT TEXT
expect_told() {
	wait_for 20 warns "$2" || die "$1: no warning says '$2'"
	say "$1: status says so"
}

# expect_over WHAT TEXT
expect_over() {
	wait_for 20 warns_not "$2" || die "$1: a warning says '$2' for ever"
	expect_text "$1: the log says that it is over" "$(grep -F 'over: ' "$LAB_DIR/sluiced.log")" "$2"
}

# Takes the filter off wherever it is; whether sluiced puts up with it for longer and longer.
filter_is_fought_over() {
	lab_in bal tc qdisc del dev edge0 clsact 2>/dev/null || true
	warns "is taken off again and again"
}

lab_begin
expect_equal "warnings at first" "$(lab_ctl --json status | jq -c .warnings)" "[]"

if [ "$(balancer_driver)" = af_xdp ]; then
	for round in 1 2; do
		lab_ip bal link set edge0 xdp off
		wait_for 20 grep -q 'XDP program was taken off' "$LAB_DIR/sluiced.log" || die "nothing in the log"
		wait_for 20 balancer_is_ready || die "the program is not put back"
		say "the program is back, round $round"
		expect_pages "$LAB_IPIP4" 60
	done
	expect_equal "times that it was put back" \
		"$(grep -c 'XDP program is back' "$LAB_DIR/sluiced.log")" 2
	lab_in bal tc qdisc del dev edge0 clsact
	wait_for 20 grep -q 'tc filter .* is back' "$LAB_DIR/sluiced.log" || die "the filter is not put back"
	expect_text "the filter of tc" "$(lab_in bal tc filter show dev edge0 ingress)" sluice
	wait_for 120 filter_is_fought_over || die "the filter is put back at once, however often it is taken off"
	wait_for 120 warns_not "is taken off again and again" || die "the filter stays away"
	expect_text "the filter that was fought over" "$(lab_in bal tc filter show dev edge0 ingress)" sluice
fi

lab_ip bal link set edge0 address 02:00:00:00:10:01
lab_ip rtr neigh flush all
wait_for 20 grep -q 'its MAC address has changed' "$LAB_DIR/sluiced.log" || die "the MAC is not followed"
expect_pages "$LAB_IPIP4" 60

lab_ip bal link set edge0 mtu 1500
expect_told "a lower MTU" "edge0 has an MTU of 1500 and mtu is 1600"
lab_ip bal link set edge0 mtu 1600
expect_over "a lower MTU" "edge0 has an MTU of 1500"

lab_ip bal addr del "$LAB_BALANCER4/24" dev edge0
expect_told "no tunnel source" "tunnel_source.ipv4: $LAB_BALANCER4 is no address of this host"
lab_ip bal addr add "$LAB_BALANCER4/24" dev edge0
expect_over "no tunnel source" "$LAB_BALANCER4 is no address of this host"

lab_ip bal addr add "$LAB_IPIP4/32" dev edge0
expect_told "a VIP of the host" "$LAB_IPIP4 is an address of this host"
lab_ip bal addr del "$LAB_IPIP4/32" dev edge0
expect_over "a VIP of the host" "$LAB_IPIP4 is an address of this host"

chmod 644 "$CONFIG"
expect_told "a file for anybody" "anybody may read it"
chmod 640 "$CONFIG"
expect_over "a file for anybody" "anybody may read it"

if [ "$(balancer_driver)" = af_packet ]; then
	lab_in bal ethtool -K edge0 gro on
	expect_told "merged packets" "ethtool -K edge0 gro off"
fi
