#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A service over two pools: the canary gets the share of its weight, which changes under downloads
# of which none breaks; and a backup takes over and gives back.
. "$(dirname "$0")/begin.sh"

DOWNLOADS=40
REQUESTS=2000

# web-3 is the canary; shares and turns as sluicectl service set takes them.
CANARY='.pools += [.pools[] | select(.name == "web") | .name = "canary"
		| .backends |= map(select(.name == "web-3"))]
	| (.pools[] | select(.name == "web") | .backends) |= map(select(.name != "web-3"))
	| (.services[] | select(.name == "www")) |= (del(.pool)
		| .pools = [{"pool": "web", "weight": 95}, {"pool": "canary", "weight": 5}])
	| (.services[] | select(.name == "www6")) |= (del(.pool)
		| .pools = [{"pool": "web"}, {"pool": "canary", "backup": 1}])'

fetch() {
	lab_fetch "$1" "$REQUESTS" >"$LAB_DIR/pages"
	expect_equal "pages answered" "$(answered <"$LAB_DIR/pages")" "$REQUESTS"
}

# expect_share ADDRESS PERCENT: of all requests, within five standard deviations.
expect_share() {
	local expected=$((REQUESTS * $2 / 100)) reach
	reach=$(awk -v n="$REQUESTS" -v p="$2" 'BEGIN { print int(5 * sqrt(n * p * (100 - p)) / 100) + 1 }')
	fetch "$1"
	expect_at_least "of these by the canary, of $2 %" "$(answered_by web-3 <"$LAB_DIR/pages")" \
		$((expected - reach))
	expect_at_least "and by web" "$((REQUESTS - $(answered_by web-3 <"$LAB_DIR/pages")))" \
		$((REQUESTS - expected - reach))
}

# expect_return ADDRESS: most are web's again. A client that uses a port again soon is a flow that
# is remembered, and goes where that was.
expect_return() {
	fetch "$1"
	expect_at_least "of these by web again" "$((REQUESTS - $(answered_by web-3 <"$LAB_DIR/pages")))" \
		$((REQUESTS / 2))
}

moved() {
	jq -r '[.pools[] | select(.name == "service:www") | .slots_moved / .slots * 100 | round] | first' \
		"$LAB_DIR/report.json"
}

# canary_has NUMBER: so many slots of www6.
canary_has() {
	[ "$(lab_ctl --json pools | jq '.[] | select(.name == "service:www6") | .pools[]
		| select(.pool == "canary") | .slots')" = "$1" ]
}

lab_begin "$CANARY"
downloads_start "$LAB_IPIP4" "$DOWNLOADS"
expect_share "$LAB_IPIP4" 5
lab_ctl --json service set www --pools web=80,canary=20 --dry-run >"$LAB_DIR/report.json"
expect_equal "percent of the slots that 5 % to 20 % would move" "$(moved)" 15
lab_ctl --json service set www --pools web=80,canary=20 >"$LAB_DIR/report.json"
expect_equal "percent of the slots that it moved" "$(moved)" 15
expect_equal "flows that it cut off" "$(jq .cut_percent "$LAB_DIR/report.json")" 0
expect_share "$LAB_IPIP4" 20
for canary in 50 100; do
	lab_ctl service set www --pools "web=$((100 - canary)),canary=$canary" >/dev/null
	expect_share "$LAB_IPIP4" "$canary"
done
lab_ctl service set www --pools web=95,canary=5 >/dev/null
expect_return "$LAB_IPIP4"
expect_equal "downloads that broke" "$(downloads_are broken)" 0

expect_share "$LAB_IPIP6" 0
lab_ctl backend set web web-1 --health down >/dev/null
lab_ctl backend set web web-2 --health down >/dev/null
wait_for 60 canary_has 65537 || die "the backup does not take over"
expect_share "$LAB_IPIP6" 100
lab_ctl backend set web web-1 --health up >/dev/null
lab_ctl backend set web web-2 --health up >/dev/null
wait_for 60 canary_has 0 || die "the backup does not give back"
expect_return "$LAB_IPIP6"
expect_equal "downloads that broke" "$(downloads_are broken)" 0
downloads_end
expect_equal "downloads that came whole" "$(downloads_are whole)" "$DOWNLOADS"
expect_law
