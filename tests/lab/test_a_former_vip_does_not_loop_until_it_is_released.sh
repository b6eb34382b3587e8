#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The router goes on sending a VIP whose services are gone to the balancer, whose kernel forwards
# and would send it back. It is filtered, also after a restart, and where the service left the
# configuration while no process ran; `vip release` lets it go, which shows that it would loop.
. "$(dirname "$0")/begin.sh"

BALANCER_MAC=02:00:00:00:00:10

# returned VIP: how many packets the balancer sends back to the router for one datagram. The ping
# that ends the capture comes after whatever the datagram has caused.
returned() {
	rm -f "$LAB_DIR/capture.log"
	lab_spawn capture rtr tcpdump -i r-bal -enl --immediate-mode "ether src $BALANCER_MAC and
		(icmp[icmptype] == icmp-echoreply and src host $LAB_BALANCER4 or udp port 9000)"
	wait_for 60 grep -q 'listening on' "$LAB_DIR/capture.log" || die "tcpdump does not start"
	lab_in cli bash -c "echo >/dev/udp/$1/9000"
	lab_in cli ping -q -c 1 -W 10 "$LAB_BALANCER4" >/dev/null
	wait_for 60 grep -q 'ICMP echo reply' "$LAB_DIR/capture.log" || die "the capture does not see the ping"
	lab_stop capture
	RETURNED=$(grep -c '\.9000: UDP' "$LAB_DIR/capture.log") || RETURNED=0
}

# expect_filtered VIP WHEN
expect_filtered() {
	returned "$1"
	expect_equal "packets for $1 sent back $2" "$RETURNED" 0
}

former() {
	lab_ctl --json status | jq -r '[.former_vips[].vip] | sort | join(" ")'
}

lab_begin
if [ "$(balancer_driver)" != af_xdp ]; then
	lab_ctl service remove www --force >"$LAB_DIR/answer"
	expect_text "the answer says what to do" "$(cat "$LAB_DIR/answer")" "$LAB_IPIP4 is no VIP any more: withdraw its route"
	exit 0 # there is no program and no filter
fi

lab_ctl service remove www --force --dry-run >"$LAB_DIR/answer"
expect_text "the dry run says it beforehand" "$(cat "$LAB_DIR/answer")" \
	"$LAB_IPIP4 would be no VIP any more: withdraw its route first"
expect_equal "former VIPs after a dry run" "$(former)" ""
lab_ctl service remove www --force >"$LAB_DIR/answer"
expect_text "the answer says what to do" "$(cat "$LAB_DIR/answer")" \
	"$LAB_IPIP4 is no VIP any more: withdraw its route"
expect_filtered "$LAB_IPIP4" "after its last service was removed"
expect_equal "former VIPs" "$(former)" "$LAB_IPIP4"
expect_text "status says so" "$(lab_ctl status)" "$LAB_IPIP4 is no VIP any more and still filtered"

lab_balancer_stop KILL
expect_filtered "$LAB_IPIP4" "after kill -9"
jq 'del(.services[] | select(.name == "dsr"))' "$CONFIG" >"$CONFIG.new"
mv "$CONFIG.new" "$CONFIG"
lab_balancer_start "$CONFIG"
expect_equal "former VIPs, of the file as well" "$(former)" "$LAB_IPIP4 $LAB_DSR4"
expect_filtered "$LAB_IPIP4" "after a restart"
expect_filtered "$LAB_DSR4" "after it has left the file"

lab_ctl service add www --vip "$LAB_IPIP4" --protocol tcp --port 80 --pool web --forward ipip
expect_equal "former VIPs once one is back" "$(former)" "$LAB_DSR4"
expect_pages "$LAB_IPIP4" 60
lab_ctl vip release "$LAB_DSR4"
expect_equal "former VIPs after the release" "$(former)" ""
returned "$LAB_DSR4" # and this test can fail
expect_at_least "packets for $LAB_DSR4 sent back once it is released" "$RETURNED" 10
