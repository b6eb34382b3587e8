#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Checks go to the VIP in the tunnel, as packets of users do. So they find a tunnel that is missing,
# a VIP that is missing, a decapsulator that refuses this node and a path that loses large packets,
# none of which a connection to the backend itself would find; while all is well they pass in every
# mode and family.
. "$(dirname "$0")/begin.sh"

CHECK='{type: "http", via: "vip", interval_ms: 200, timeout_ms: 150, fall: 2, rise: 1, probe_mtu: true}'

# health NAME FIELD
health() {
	lab_ctl --json health | jq -r --arg name "$1" ".[] | select(.name == \$name) | $2"
}

is() {
	[ "$(health "$1" .status)" = "$2" ]
}

all_up() {
	local number
	for number in "${LAB_BACKENDS[@]}"; do
		[ "$(health "web-$number" '"\(.status) \(.address)"')" = "up $1" ] || return 1
	done
}

last_is() {
	[ "$(health "$1" .last.sentence)" = "$2" ]
}

# expect_down NAME SENTENCE: by the check, while the server itself answers.
expect_down() {
	wait_for 60 is "$1" down || die "$1 is not down: $(health "$1" .last.sentence)"
	wait_for 60 last_is "$1" "$2" || die "$1: $(health "$1" .last.sentence), not: $2"
	say "$1 is down: $2"
	lab_in bal curl -sf -o /dev/null -m 5 "http://10.2.0.2${1#web-}/" || die "$1 itself does not answer"
}

expect_up() {
	wait_for 60 is "$1" up || die "$1 is not up again: $(health "$1" .last.sentence)"
}

# change JQ_ARGUMENTS...: of the configuration.
change() {
	jq "$@" "$CONFIG" >"$CONFIG.new"
	cat "$CONFIG.new" >"$CONFIG"
	kill -HUP "$(lab_pid sluiced)"
}

# check_by SERVICE VIP: the first service of the pool is the one that is probed.
check_by() {
	# shellcheck disable=SC2016 # for jq
	change --arg first "$1" '.services |= sort_by(.name != $first)'
	wait_for 60 all_up "$2" || die "not all are up by $2: $(lab_ctl health --all)"
	say "all are up by $1, $2"
}

# expect_hole: large packets to web-1 are lost, and the check finds it.
expect_hole() {
	lab_ip rtr link set r-b1 mtu 1500
	expect_down web-1 "packets of 1580 bytes do not arrive"
	lab_ip rtr link set r-b1 mtu "$LAB_SERVER_MTU"
	expect_up web-1
}

# rules_are COUNT
rules_are() {
	[ "$(lab_ip bal rule list | grep -c 'proto 83')" = "$1" ]
}

lab_begin ".pools[].health = $CHECK"
wait_for 60 all_up "$LAB_IPIP4" || die "not all are up: $(lab_ctl health --all)"
expect_equal "the way of the checks" "$(health web-1 .via)" vip
check_by www6 "$LAB_IPIP6"
check_by dsr "$LAB_DSR4"
check_by dsr6 "$LAB_DSR6"
check_by www "$LAB_IPIP4"
expect_pages "$LAB_IPIP4" 200

say "a backend without a tunnel"
lab_in b1 "$SLUICE_DECAP" detach --interface srv0
expect_down web-1 "no connection in 150 ms"
decap_attach 1
expect_up web-1

say "a decapsulator that refuses this node"
lab_in b2 "$SLUICE_DECAP" attach --interface srv0 --mode "${LAB_DECAP_MODE:-auto}" \
	--source 10.2.0.99 --vip "$LAB_IPIP4" >>"$LAB_DIR/decap-2.log"
expect_down web-2 "no connection in 150 ms"
decap_attach 2
expect_up web-2

say "a backend without the VIP"
lab_ip b3 addr del "$LAB_IPIP4/32" dev lo
expect_down web-3 "no connection in 150 ms"
lab_ip b3 addr add "$LAB_IPIP4/32" dev lo
expect_up web-3

say "a link that is too small for large packets"
expect_hole
change '.pools[].health.type = "icmp"'
wait_for 60 last_is web-1 answered || die "by an echo: $(health web-1 .last.sentence)"
expect_hole
change '.pools[].health.type = "http"'
wait_for 60 last_is web-1 "status 200" || die "by HTTP again: $(health web-1 .last.sentence)"

say "what another program removes is put back"
lab_ip bal link del sluice-probe0
wait_for 60 lab_ip bal -o link show sluice-probe0 >/dev/null 2>&1 || die "the device is not back"
wait_for 60 all_up "$LAB_IPIP4" || die "not all are up: $(lab_ctl health --all)"

say "a VIP that the balancer has itself"
lab_ip bal addr add "$LAB_IPIP4/32" dev lo
wait_for 60 last_is web-1 "$LAB_IPIP4 is an address of this host, so the kernel keeps what is sent to it: remove it (ip addr del), or say via: direct" ||
	die "it says: $(health web-1 .last.sentence)"
lab_ip bal addr del "$LAB_IPIP4/32" dev lo
wait_for 60 all_up "$LAB_IPIP4" || die "not all are up: $(lab_ctl health --all)"

say "nothing is left by kill -9 that harms the next"
lab_stop sluiced KILL
lab_balancer_start "$CONFIG"
wait_for 60 all_up "$LAB_IPIP4" || die "not all are up: $(lab_ctl health --all)"
rules_are 1 || die "more than one rule of probes: $(lab_ip bal rule list)"
lab_balancer_stop
rules_are 0 || die "a rule of probes is left: $(lab_ip bal rule list)"
