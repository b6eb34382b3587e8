#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The balancer's kernel forwards, and its way to a VIP is the router, whose way is the balancer. A
# packet left to it comes back again and again. Watched on the router: what comes from the balancer
# and is still for a VIP, without a pause from the first start to the last, in tens of thousands of
# packets.
. "$(dirname "$0")/begin.sh"

BALANCER_MAC=02:00:00:00:00:10
VIPS=("$LAB_IPIP4" "$LAB_IPIP6" "$LAB_DSR4" "$LAB_DSR6")

# One of each kind of packet.
knock() {
	local vip
	for vip in "${VIPS[@]}"; do
		lab_fetch "$vip" 5 >/dev/null & # connections, answered or not
		lab_in cli curl -s -m 0.3 -o /dev/null "http://$(url_host "$vip"):81/" || continue # an unclaimed port
		lab_in cli ping -q -c 2 -i 0.1 -W 0.3 "$vip" >/dev/null || continue
	done
}

# watch NAME: captures until watch_end what the balancer sent for a VIP to anybody but a backend,
# and the ping that ends it.
watch() {
	lab_spawn "$1" rtr tcpdump -i r-bal -enl --immediate-mode "ether src $BALANCER_MAC and
		(icmp[icmptype] == icmp-echoreply and src host $LAB_BALANCER4 or
		(dst net 203.0.113.0/24 or dst net 2001:db8:113::/64) and not ether dst 02:00:00:00:00:21
		and not ether dst 02:00:00:00:00:22 and not ether dst 02:00:00:00:00:23)"
	wait_for 60 grep -q 'listening on' "$LAB_DIR/$1.log" || die "tcpdump does not start"
}

# One after the other: all that was sent before the ping has had its chance when the ping is back.
watch_end() {
	lab_in cli ping -q -c 1 -W 10 "$LAB_BALANCER4" >/dev/null
	wait_for 60 grep -q 'ICMP echo reply' "$LAB_DIR/$1.log" || die "the capture does not see the ping"
	lab_stop "$1"
}

returned() {
	grep -Ec '> (203\.0\.113\.|2001:db8:113::)' "$LAB_DIR/$1.log" || return 0
}

# What the router has sent to the balancer.
sent() {
	lab_in rtr cat /sys/class/net/r-bal/statistics/tx_packets
}

sent_since() {
	echo $(($(sent) - $1))
}

# Long enough for any loop to show.
wait_for_traffic() {
	wait_to_reach 3000 30 "packets sent to the balancer" sent_since "$(sent)" || die "no traffic"
}

# expect_no_loop WHEN
expect_no_loop() {
	wait_for_traffic
	expect_equal "packets for VIPs sent back to the router $1" "$(returned whole)" 0
}

# move_to MAC: the balancer's address changes, and the router learns it.
move_to() {
	BALANCER_MAC=$1
	lab_ip bal link set edge0 address "$1"
	lab_ip rtr neigh flush dev br0
}

lab_begin
watch whole
sent_before=$(sent)
lab_spawn datagrams cli /usr/bin/python3 "$(dirname "$0")/datagrams.py" "${VIPS[@]}"
knock
expect_no_loop "by a running balancer"

for signal in KILL KILL TERM TERM; do
	lab_balancer_stop "$signal"
	knock
	expect_no_loop "after SIG$signal"
	lab_balancer_start "$CONFIG"
	expect_pages "$LAB_IPIP4" 60
	expect_no_loop "across the start after it"
done
lab_balancer_stop KILL
lab_balancer_start "$CONFIG" # at once
expect_no_loop "across kill -9 and a start at once"
expect_equal "filters that all this left in tc" \
	"$(lab_in bal tc filter show dev edge0 ingress | grep -c sluice_loop)" 1

move_to 02:00:00:00:00:1f # which the balancer does not know for a moment
watch moved
wait_for_traffic
watch_end moved
expect_equal "packets for VIPs sent back under a new MAC address" "$(returned moved)" 0
move_to 02:00:00:00:00:10

expect_at_least "packets that the router sent to the balancer" "$(sent_since "$sent_before")" 30000
lab_stop datagrams
watch_end whole
expect_equal "packets for VIPs sent back to the router in all" "$(returned whole)" 0
lab_balancer_stop KILL

# and this test can fail: without program and filter they do loop
lab_ip bal link set edge0 xdp off
lab_in bal tc qdisc del dev edge0 clsact
watch without
lab_in cli bash -c "echo >/dev/udp/$LAB_IPIP4/9000"
watch_end without
expect_at_least "packets that loop where nothing drops them" "$(returned without)" 10
