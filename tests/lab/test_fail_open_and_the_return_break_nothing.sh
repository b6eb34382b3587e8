#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Where fewer backends are up than fail_open_below says, all of them take new flows again; where none
# is, all_down decides. Neither that, nor kill -9 in the midst of it, nor the return breaks a
# connection, and nothing is forgotten. The backends say that they are ill and go on to answer.
. "$(dirname "$0")/begin.sh"
# shellcheck source=tests/lab/checks.sh
. "$LIB/../../tests/lab/checks.sh"

DOWNLOADS=30

ill() {
	local number
	for number in "$@"; do
		touch "$LAB_DIR/nginx-$number/ill"
	done
}

well() {
	rm "$LAB_DIR"/nginx-*/ill
}

# become STATUSES ROLES MODE: of web-1, web-2 and web-3, and of the pool.
become() {
	wait_for 60 is "$@" || die "not $*: $(state)"
	say "$(state)"
}

is() {
	[ "$(state)" = "$*" ]
}

state() {
	printf '%s %s\n' "$(lab_ctl --json health | jq -r '"\(map(.health) | join(",")) \(map(.role) | join(","))"')" \
		"$(lab_ctl --json pools | jq -r '.[].mode')"
}

# What a restart must not forget.
memory() {
	lab_ctl --json health | jq -c '[.[] | {name, status, override, since, changes}]'
}

# remembers BEFORE AFTER: later changes may have come on top.
remembers() {
	jq -en --argjson before "$1" --argjson after "$2" '[$before, $after] | transpose | all(
		. as [$was, $is] | $is.override == $was.override and
		($was.changes | length) > 0 and $is.changes[-($was.changes | length):] == $was.changes)' >/dev/null
}

# change JQ_FILTER: of the configuration.
change() {
	jq "$1" "$CONFIG" >"$CONFIG.new"
	cat "$CONFIG.new" >"$CONFIG"
	kill -HUP "$(lab_pid sluiced)"
}

# expect_pages_without NAME
expect_pages_without() {
	lab_fetch "$LAB_IPIP4" 100 >"$LAB_DIR/pages"
	expect_equal "pages that were answered" "$(answered <"$LAB_DIR/pages")" 100
	expect_equal "of these by $1" "$(answered_by "$1" <"$LAB_DIR/pages")" 0
}

lab_up
for number in "${LAB_BACKENDS[@]}"; do
	mkdir -p "$LAB_DIR/nginx-$number/locations"
	echo "location = /health { if (-f $LAB_DIR/nginx-$number/ill) { return 503; } return 200; }" \
		>"$LAB_DIR/nginx-$number/locations/health.conf"
done
lab_backends_start
CONFIG=$LAB_DIR/sluice.json
lab_config | jq '.pools[].health = {type: "http", path: "/health", interval_ms: 200, timeout_ms: 200, fall: 3, rise: 2}
	| .pools[].fail_open_below = 2 | .pools[].affinity = {fail_grace_s: 3600, hold_s: 3600}' >"$CONFIG"
chmod 640 "$CONFIG"
lab_balancer_start "$CONFIG"
become up,up,up serves,serves,serves normal
downloads_start "$LAB_IPIP4" "$DOWNLOADS"

ill 1
become down,up,up failed,serves,serves normal
expect_pages_without web-1
ill 2
become down,down,up serves,serves,serves fail_open
expect_pages "$LAB_IPIP4" 60

say "kill -9 in the midst of it, with an override"
lab_ctl backend set web web-2 --health up
become down,up,up failed,serves,serves normal
before=$(memory)
lab_stop sluiced KILL
lab_balancer_start "$CONFIG"
after=$(memory)
remembers "$before" "$after" || die "it was $before and is $after"
expect_equal "who is healthy after it" "$(state)" "down,up,up failed,serves,serves normal"
expect_pages_without web-1
lab_ctl backend set web web-2 --health auto
become down,down,up serves,serves,serves fail_open

ill 3
become down,down,down serves,serves,serves all_down
expect_pages "$LAB_IPIP4" 60
lab_stop sluiced KILL
lab_balancer_start "$CONFIG"
expect_equal "who is healthy after kill -9" "$(state)" "down,down,down serves,serves,serves all_down"
well
become up,up,up serves,serves,serves normal
expect_pages "$LAB_IPIP4" 60

say "all are down, and none is to take new flows"
change '.pools[].all_down = "drop" | .pools[].fail_open_below = 0'
ill 1 2 3
become down,down,down failed,failed,failed all_down
expect_equal "a new flow" "$(lab_in cli curl -s -o /dev/null -m 1 -w '%{http_code}' "http://$LAB_IPIP4/" || true)" 000
well
become up,up,up serves,serves,serves normal
downloads_end
expect_equal "downloads that came whole" "$(downloads_are whole)" "$DOWNLOADS"
expect_pages "$LAB_IPIP4" 60
