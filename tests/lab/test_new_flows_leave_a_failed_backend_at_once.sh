#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# From the moment at which a check has found a failure it takes less than 100 ms until new flows go
# elsewhere. The backend says that it is ill and goes on to answer, so that a client sees who got
# each connection; none is lost, either way.
. "$(dirname "$0")/begin.sh"
# shellcheck source=tests/lab/checks.sh
. "$LIB/../../tests/lab/checks.sh"

TIMES=5
LIMIT_US=100000

# web_2 FIELD VALUE
web_2() {
	[ "$(health web web-2 ".$1")" = "$2" ]
}

flows() {
	wc -l <"$LAB_DIR/flows.log"
}

flows_since() {
	echo $(($(flows) - $1))
}

# flows_more COUNT: returns once so many more are over.
flows_more() {
	wait_to_reach "$1" 20 "connections since then" flows_since "$(flows)" || die "the client has stopped"
}

# us_of_failure: when the last failure was found, by the events.
us_of_failure() {
	lab_ctl --json events --kind health --name web/web-2 --limit 10 |
		jq -r '[.events[] | select(.sentence | test("is down"))] | last
			| .time | capture("(?<s>.*)\\.(?<ms>\\d+)Z")
			| ("\(.s)Z" | fromdateiso8601) * 1000000 + (.ms | tonumber) * 1000'
}

# flows_of_web_2 FROM_US TO_US: when the connections were begun that it got in that time.
flows_of_web_2() {
	awk -v from="$1" -v to="$2" '$2 == "web-2" && $1 > from && $1 < to { print $1 }' "$LAB_DIR/flows.log"
}

lab_up
for number in "${LAB_BACKENDS[@]}"; do
	mkdir -p "$LAB_DIR/nginx-$number/locations"
	echo "location = /health { if (-f $LAB_DIR/nginx-$number/ill) { return 503; } return 200; }" \
		>"$LAB_DIR/nginx-$number/locations/health.conf"
done
lab_backends_start
lab_config | jq '.pools[].health = {type: "http", path: "/health", interval_ms: 100, fall: 2, rise: 1}' \
	>"$LAB_DIR/sluice.json"
lab_balancer_start "$LAB_DIR/sluice.json"
expect_checks_up
lab_spawn flows cli python3 "$LIB/../../tests/lab/new_flows.py" 3 "$LAB_IPIP4"
flows_more 50

best=none
for ((i = 0; i < TIMES; i++)); do
	begun=$(now_us)
	touch "$LAB_DIR/nginx-2/ill"
	wait_for 60 web_2 role failed || die "web-2 is not found to be ill"
	seen=$(now_us)
	failure=$(us_of_failure)
	flows_more 50
	over=$(now_us)
	rm "$LAB_DIR/nginx-2/ill"
	wait_for 60 web_2 role serves || die "web-2 is not found to be well again"
	flows_more 20
	last=$(flows_of_web_2 "$begun" "$over" | sort -n | tail -1)
	[ -n "$last" ] || die "web-2 got no flow before its failure was found"
	took=$((last - failure))
	say "the last new flow of web-2 was begun $((took / 1000)) ms after its failure was found"
	expect_equal "flows that it got once it was shown to have failed" "$(flows_of_web_2 "$seen" "$over" | wc -l)" 0
	[ "$best" != none ] && [ "$best" -le "$took" ] || best=$took
done
kill "$(lab_pid flows)"
wait_for 60 lab_gone flows || die "the client does not end"
expect_equal "connections of $(flows) that were not answered" "$(grep -c none "$LAB_DIR/flows.log" || true)" 0
# A busy machine may take its time once or twice, but not each time.
[ "$best" -lt "$LIMIT_US" ] || die "it took $best us each time, and longer"
say "the shortest of $TIMES: $best us"
