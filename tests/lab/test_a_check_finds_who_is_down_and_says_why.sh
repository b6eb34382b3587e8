#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The check finds that a server is gone, moves new flows only, and finds that it is back; what is
# known of it outlives kill -9.
. "$(dirname "$0")/begin.sh"

DOWNLOADS=30

# health NAME FIELD
health() {
	lab_ctl --json health | jq -r --arg name "$1" ".[] | select(.name == \$name) | $2"
}

is() {
	[ "$(health "$1" .health)" = "$2" ]
}

status_says() {
	[[ "$(lab_ctl status)" = *"$1"* ]]
}

server_goes() {
	kill -STOP "$(lab_pid nginx-2)" $(pgrep -P "$(lab_pid nginx-2)")
}

server_comes() {
	kill -CONT "$(lab_pid nginx-2)" $(pgrep -P "$(lab_pid nginx-2)")
}

lab_begin '.pools[].health = {type: "http", via: "direct", interval_ms: 200, timeout_ms: 150, fall: 2}'
for number in "${LAB_BACKENDS[@]}"; do
	wait_for 60 is "web-$number" up || die "web-$number is not up by its check"
done
lab_ctl health
expect_text "what the check says" "$(health web-1 .last.sentence)" '^status 200$'
expect_pages "$LAB_IPIP4" 200

downloads_start "$LAB_IPIP4" "$DOWNLOADS"
connected=$(downloads_are begun web-2)
expect_at_least "connections with web-2" "$connected" 1
server_goes
wait_for 60 is web-2 down || die "nobody finds that web-2 hangs"
expect_text "why it is down" "$(health web-2 .last.sentence)" '^no answer in 150 ms$'
lab_fetch "$LAB_IPIP4" 200 >"$LAB_DIR/pages"
expect_equal "pages answered meanwhile" "$(answered <"$LAB_DIR/pages")" 200
expect_equal "of these by web-2" "$(answered_by web-2 <"$LAB_DIR/pages")" 0

lab_stop sluiced KILL
lab_balancer_start "$CONFIG"
expect_equal "web-2 after kill -9 of sluiced" "$(health web-2 .health)" down
expect_equal "web-1 after kill -9 of sluiced" "$(health web-1 .health)" up
expect_at_least "changes of web-2 that are remembered" "$(health web-2 '.changes | length')" 2

server_comes
wait_for 60 is web-2 up || die "nobody finds that web-2 is back"
downloads_end
expect_equal "downloads that came whole" "$(downloads_are whole)" "$DOWNLOADS"
expect_pages "$LAB_IPIP4" 200

say "an operator's word stands above the check's until it is taken back"
lab_ctl backend set web web-3 --health down
expect_equal "web-3 by override" "$(health web-3 .health)" down
expect_equal "web-3 by its check" "$(health web-3 .status)" up
lab_fetch "$LAB_IPIP4" 200 >"$LAB_DIR/pages"
expect_equal "pages answered by web-3 meanwhile" "$(answered_by web-3 <"$LAB_DIR/pages")" 0
since=$(health web-3 .since)
lab_stop sluiced KILL
lab_balancer_start "$CONFIG"
expect_equal "the override of web-3 after kill -9 of sluiced" "$(health web-3 .override)" down
expect_equal "since when it is said to be so" "$(health web-3 .since)" "$since"
wait_for 60 status_says "stands above 1 check: web-3 (down, since $since" ||
	die "what status says of it: $(lab_ctl status)"
lab_ctl backend set web web-3 --health auto
expect_equal "web-3 once that is taken back" "$(health web-3 .health)" up
expect_pages "$LAB_IPIP4" 200
lab_ctl health web --all
