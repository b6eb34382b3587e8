#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Downloads run when the way to the client becomes narrower: the router tells the VIP, and the
# backend that sends has to hear of it, also one that drains. It would go on too large otherwise,
# and its downloads stand still.
. "$(dirname "$0")/begin.sh"

DOWNLOADS=30

# too_big_heard FAMILY: by web-2, how many "fragmentation needed" or "packet too big".
too_big_heard() {
	case $1 in
	4) lab_in b2 nstat -asz IcmpInDestUnreachs ;;
	6) lab_in b2 nstat -asz Icmp6InPktTooBigs ;;
	esac | awk 'END { print $2 }'
}

# narrow_way FAMILY ADDRESS MTU
narrow_way() {
	local heard
	heard=$(too_big_heard "$1")
	downloads_start "$2" "$DOWNLOADS"
	lab_ctl backend drain web web-2 --deadline 1h
	expect_at_least "connections with web-2, which drains" "$(downloads_are begun web-2)" 1
	lab_ip rtr link set r-cli mtu "$3"
	downloads_end
	expect_equal "downloads from $2 that came whole" "$(downloads_are whole)" "$DOWNLOADS"
	expect_at_least "times that web-2 was told" $(($(too_big_heard "$1") - heard)) 1
	lab_ctl backend activate web web-2
}

lab_begin
narrow_way 4 "$LAB_IPIP4" 1400
narrow_way 6 "$LAB_IPIP6" 1300
