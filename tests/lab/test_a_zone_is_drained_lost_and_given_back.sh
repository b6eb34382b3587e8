#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# New flows leave a zone that is drained or lost, and come back; a node that has its own zone first
# gets help from others when too little of its own is up. No connection breaks by any of it.
. "$(dirname "$0")/begin.sh"

DOWNLOADS=30

# served WANTED...: only these backends get new flows, each of them some.
served() {
	local number got=()
	lab_fetch "$LAB_IPIP4" 90 >"$LAB_DIR/pages"
	[ "$(answered <"$LAB_DIR/pages")" = 90 ] || return 1
	for number in "${LAB_BACKENDS[@]}"; do
		[ "$(answered_by "web-$number" <"$LAB_DIR/pages")" -eq 0 ] || got+=("web-$number")
	done
	[ "${got[*]}" = "$*" ]
}

expect_served() {
	local what=$1
	shift
	wait_for 60 served "$@" || die "$what: not served by $* alone: $(lab_ctl health)"
	say "$what: served by $*"
}

lab_begin '.node.zone = "a"
	| .pools[0].health = {type: "http", interval_ms: 200, timeout_ms: 150, fall: 2, rise: 1}
	| .pools[0].backends |= map(.zone = if .name == "web-3" then "b" else "a" end)'
expect_served "all zones alike" web-1 web-2 web-3
downloads_start "$LAB_IPIP4" "$DOWNLOADS"
expect_at_least "connections with web-3" "$(downloads_are begun web-3)" 1

lab_ctl zone rehearse b
expect_served "after a rehearsal" web-1 web-2 web-3
lab_ctl zone drain b
expect_served "zone b drained" web-1 web-2
lab_ctl zone restore b
expect_served "zone b restored" web-1 web-2 web-3
lab_ctl zone drain a
expect_served "zone a drained" web-3
lab_ctl zone restore a
expect_served "zone a restored" web-1 web-2 web-3
downloads_end
expect_equal "downloads that came whole" "$(downloads_are whole)" "$DOWNLOADS"

say "the own zone first, and help from the other below half of it"
jq '.pools[0].cross_zone = false | .pools[0].zone_below = "60%"' "$CONFIG" >"$CONFIG.new"
cat "$CONFIG.new" >"$CONFIG"
lab_ctl reload
expect_served "its own zone" web-1 web-2
downloads_start "$LAB_IPIP4" "$DOWNLOADS"
lab_in b2 nft 'table inet lost { chain in { type filter hook input priority 0; tcp dport 80 tcp flags & (syn|ack) == syn drop; }; }'
expect_served "half of its own zone lost" web-1 web-3
lab_in b2 nft delete table inet lost
expect_served "its own zone back" web-1 web-2
downloads_end
expect_equal "downloads that came whole" "$(downloads_are whole)" "$DOWNLOADS"
