#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Until the deadline, which cuts off what is left.
. "$(dirname "$0")/begin.sh"

DOWNLOADS=30

backend() {
	lab_ctl --json backends | jq -r --arg name "$1" ".[] | select(.name == \$name) | $2"
}

backend_lives() {
	[ "$(backend "$1" .life)" = "$2" ]
}

lab_begin
downloads_start "$LAB_IPIP4" "$DOWNLOADS"
lab_ctl backend drain web web-2 --deadline 1h
connected=$(downloads_are begun web-2)
expect_at_least "connections with web-2, which drains" "$connected" 1
expect_equal "its life" "$(backend web-2 .life)" drain
expect_equal "its slots" "$(backend web-2 .slots)" 0
lab_fetch "$LAB_IPIP4" 200 >"$LAB_DIR/pages"
expect_equal "pages answered meanwhile" "$(answered <"$LAB_DIR/pages")" 200
expect_equal "of these by web-2" "$(answered_by web-2 <"$LAB_DIR/pages")" 0
downloads_end
expect_equal "downloads that came whole" "$(downloads_are whole)" "$DOWNLOADS"
expect_equal "of these from web-2" "$(downloads_are whole web-2)" "$connected"

lab_ctl backend activate web web-2
expect_pages "$LAB_IPIP4" 100
downloads_start "$LAB_IPIP4" "$DOWNLOADS"
connected=$(downloads_are begun web-2)
lab_ctl backend drain web web-2 --deadline 2s
wait_for 60 backend_lives web-2 drained || die "web-2 outlives the deadline of its drain"
grep -q "backend web/web-2: its drain has ended and cut off about" "$LAB_DIR/sluiced.log" ||
	die "the log does not say that flows were cut off"
downloads_end
expect_equal "downloads that the deadline cut off" $((DOWNLOADS - $(downloads_are whole))) "$connected"
expect_equal "downloads from web-2 that came whole" "$(downloads_are whole web-2)" 0
