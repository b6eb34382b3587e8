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
		| .pools = [{"pool": "web", "weight": 95}, {"pool": "canary", "weight": 5}])'

# expect_share PERCENT: of as many requests, within five standard deviations.
expect_share() {
	local expected=$((REQUESTS * $1 / 100)) reach
	reach=$(awk -v n="$REQUESTS" -v p="$1" 'BEGIN { print int(5 * sqrt(n * p * (100 - p)) / 100) + 1 }')
	lab_fetch "$LAB_IPIP4" "$REQUESTS" >"$LAB_DIR/pages"
	expect_equal "pages answered" "$(answered <"$LAB_DIR/pages")" "$REQUESTS"
	expect_at_least "of these by the canary, of $1 %" "$(answered_by web-3 <"$LAB_DIR/pages")" \
		$((expected - reach))
	expect_at_least "and by web" "$((REQUESTS - $(answered_by web-3 <"$LAB_DIR/pages")))" \
		$((REQUESTS - expected - reach))
}

moved() {
	jq -r '[.pools[] | select(.name == "service:www") | .slots_moved / .slots * 100 | round] | first' \
		"$LAB_DIR/report.json"
}

lab_begin "$CANARY"
downloads_start "$LAB_IPIP4" "$DOWNLOADS"
expect_share 5
lab_ctl --json service set www --pools web=80,canary=20 --dry-run >"$LAB_DIR/report.json"
expect_equal "percent of the slots that 5 % to 20 % would move" "$(moved)" 15
expect_share 5
lab_ctl --json service set www --pools web=80,canary=20 >"$LAB_DIR/report.json"
expect_equal "percent of the slots that it moved" "$(moved)" 15
expect_equal "flows that it cut off" "$(jq .cut_percent "$LAB_DIR/report.json")" 0
expect_share 20
for canary in 50 100 35; do
	lab_ctl service set www --pools "web=$((100 - canary)),canary=$canary" >/dev/null
	expect_share "$canary"
done
expect_equal "downloads that broke" "$(downloads_are broken)" 0

lab_ctl service set www --pools web,canary:1 >/dev/null
expect_share 0
lab_ctl backend set web web-1 --health down >/dev/null
expect_share 0
lab_ctl backend set web web-2 --health down >/dev/null
expect_share 100
lab_ctl backend set web web-1 --health up >/dev/null
lab_ctl backend set web web-2 --health up >/dev/null
expect_share 0
expect_equal "downloads that broke" "$(downloads_are broken)" 0
downloads_end
expect_equal "downloads that came whole" "$(downloads_are whole)" "$DOWNLOADS"
expect_law
