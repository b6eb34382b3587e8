#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The balancer's kernel forwards, and its way to a VIP is the router, whose way is the balancer. A
# packet left to it comes back again and again. Watched on the router: what comes from the balancer
# and is still for a VIP.
. "$(dirname "$0")/begin.sh"

BALANCER_MAC=02:00:00:00:00:10

# One after the other: all that was sent before the ping has had its chance when the ping is back.
knock() {
	local vip
	for vip in "$LAB_IPIP4" "$LAB_IPIP6" "$LAB_DSR4" "$LAB_DSR6"; do
		lab_fetch "$vip" 5 >/dev/null & # connections, answered or not
		lab_in cli bash -c "for port in {9000..9009}; do echo >/dev/udp/$vip/\$port; done"
		lab_in cli curl -s -m 0.3 -o /dev/null "http://$(url_host "$vip"):81/" || continue # an unclaimed port
		lab_in cli ping -q -c 2 -i 0.1 -W 0.3 "$vip" >/dev/null || continue
	done
}

# watch NAME: captures until watch_end.
watch() {
	lab_spawn "$1" rtr tcpdump -i r-bal -enl --immediate-mode \
		"net 203.0.113.0/24 or net 2001:db8:113::/64 or (icmp and host $LAB_BALANCER4)"
	wait_for 10 grep -q 'listening on' "$LAB_DIR/$1.log" || die "tcpdump does not start"
}

watch_end() {
	lab_in cli ping -q -c 1 -W 2 "$LAB_BALANCER4" >/dev/null
	wait_for 5 grep -q 'ICMP echo reply' "$LAB_DIR/$1.log" || die "the capture does not see the ping"
	lab_stop "$1"
}

# What the router sent to the balancer for a VIP, and what came back still for it.
sent() {
	grep -v "$BALANCER_MAC >" "$LAB_DIR/$1.log" | grep -Ec '> (203\.0\.113\.|2001:db8:113::)' || return 0
}

returned() {
	grep "$BALANCER_MAC > [0-9a-f:]*, " "$LAB_DIR/$1.log" | grep -v '> 02:00:00:00:00:2[123], ' |
		grep -Ec '> (203\.0\.113\.|2001:db8:113::)' || return 0
}

lab_begin
watch running
knock
watch_end running
expect_at_least "packets for VIPs that reached a running balancer" "$(sent running)" 40
expect_equal "of these sent back to the router" "$(returned running)" 0

lab_balancer_stop KILL
watch killed
knock
watch_end killed
expect_at_least "packets for VIPs that reached the balancer after kill -9" "$(sent killed)" 40
expect_equal "of these sent back to the router" "$(returned killed)" 0

lab_balancer_start "$CONFIG"
expect_pages "$LAB_IPIP4" 60
lab_balancer_stop KILL

# and this test can fail: without the program they do loop
lab_ip bal link set edge0 xdp off
watch without
lab_in cli bash -c "echo >/dev/udp/$LAB_IPIP4/9000"
watch_end without
expect_at_least "packets that loop where no program drops them" "$(returned without)" 10
