#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The check may be wrong: what is established stays where it is for fail_grace_s.
. "$(dirname "$0")/begin.sh"

DOWNLOADS=30

life() {
	lab_ctl --json backends | jq -r '.[] | select(.name == "web-2") | .life'
}

lab_begin
downloads_start "$LAB_IPIP4" "$DOWNLOADS"
connected=$(downloads_are begun web-2)
expect_at_least "connections with web-2" "$connected" 1
lab_ctl backend set web web-2 --health down
expect_equal "its life once its check has failed" "$(life)" suspect
lab_fetch "$LAB_IPIP4" 200 >"$LAB_DIR/pages"
expect_equal "pages answered meanwhile" "$(answered <"$LAB_DIR/pages")" 200
expect_equal "of these by web-2" "$(answered_by web-2 <"$LAB_DIR/pages")" 0
downloads_end
expect_equal "downloads that came whole" "$(downloads_are whole)" "$DOWNLOADS"
expect_equal "of these from web-2" "$(downloads_are whole web-2)" "$connected"
lab_ctl backend set web web-2 --health up
expect_equal "its life when its check succeeds again" "$(life)" up
expect_pages "$LAB_IPIP4" 200
