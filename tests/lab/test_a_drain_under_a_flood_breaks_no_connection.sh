#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# SYNs and ACKs from nowhere come in while a backend drains: those who are there stay, new ones are
# served by others, and the drain ends at its deadline when the flood is over.
. "$(dirname "$0")/begin.sh"

DOWNLOADS=30
FLOOD_RATE=3000 # of each kind, in a second
FLOODED=20000   # packets

backend() {
	lab_ctl --json backends | jq -r --arg name "$1" ".[] | select(.name == \$name) | $2"
}

backend_lives() {
	[ "$(backend "$1" .life)" = "$2" ]
}

flood() {
	local before
	before=$(lab_stat "$RECEIVED")
	lab_spawn syns cli python3 "$(dirname "$0")/syn_flood.py" 1 "$FLOOD_RATE" 80 "$LAB_IPIP4"
	lab_spawn acks cli python3 "$(dirname "$0")/syn_flood.py" --acks 2 "$FLOOD_RATE" 80 "$LAB_IPIP4"
	wait_for 120 has_received $((before + FLOODED)) || die "the flood does not arrive"
}

has_received() {
	[ "$(lab_stat "$RECEIVED")" -ge "$1" ]
}

end_flood() {
	kill "$(lab_pid syns)" "$(lab_pid acks)"
	wait_for 60 lab_gone syns || die "the flood of SYNs does not end"
	wait_for 60 lab_gone acks || die "the flood of ACKs does not end"
}

lab_begin
downloads_start "$LAB_IPIP4" "$DOWNLOADS"
lab_ctl backend drain web web-2 --deadline 1h
connected=$(downloads_are begun web-2)
expect_at_least "connections with web-2, which drains" "$connected" 1
flood
lab_fetch "$LAB_IPIP4" 200 >"$LAB_DIR/pages"
expect_equal "pages answered during the flood" "$(answered <"$LAB_DIR/pages")" 200
expect_equal "of these by web-2" "$(answered_by web-2 <"$LAB_DIR/pages")" 0
expect_equal "its life" "$(backend web-2 .life)" drain
end_flood
downloads_end
expect_equal "downloads that came whole" "$(downloads_are whole)" "$DOWNLOADS"
expect_equal "of these from web-2" "$(downloads_are whole web-2)" "$connected"
lab_ctl backend drain web web-2 --deadline 1s
wait_for 60 backend_lives web-2 drained || die "the drain of web-2 does not end after the flood"
