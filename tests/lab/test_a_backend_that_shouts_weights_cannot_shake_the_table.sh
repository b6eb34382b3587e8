#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A backend may ask for less than its weight. One that asks for another thing in each answer gets no
# new flows and moves no more slots than one that asks once; none of its connections breaks.
. "$(dirname "$0")/begin.sh"
# shellcheck source=tests/lab/checks.sh
. "$LIB/../../tests/lab/checks.sh"

DOWNLOADS=20
PROBES=80
PERCENT=20

# will_say LINES: what web-2 answers to probes, in nginx's words.
will_say() {
	web_write agent <<<"server { listen 8080; location / { default_type text/plain; $1 } }"
}

says() {
	will_say "$1"
	kill -HUP "$(lab_pid agent)"
}

weight() {
	echo "add_header X-Load-Balancing-Endpoint-Weight $1;"
}

last_says() {
	health web web-2 .last.sentence | grep -q "$1"
}

role_is() {
	[ "$(health web web-2 .role)" = "$1" ]
}

slots() {
	lab_ctl --json backends | jq '.[] | select(.name == "web-2") | .slots'
}

slots_are() {
	[ "$(slots)" = "$1" ]
}

# moves FIELD: of what was published from event SINCE on.
moves() {
	lab_ctl --json events --kind publish --since "$SINCE" --limit 10000 | jq "[.events[]] | $1"
}

probes() {
	health web web-2 .last.probes
}

probes_since() {
	echo $(($(probes) - $1))
}

lab_up
lab_backends_start
will_say 'return 200 "ready\n";'
web_start agent b2 # another nginx than that of its pages, which keeps its connections
lab_config | jq --argjson percent "$PERCENT" '.pools[].max_disruption_percent = $percent
	| .pools[].backends[1].health = {port: 8080}
	| .pools[].health = {type: "http", interval_ms: 40, timeout_ms: 40, fall: 100,
		weight_header: true, agent: true}' >"$LAB_DIR/sluice.json"
lab_balancer_start "$LAB_DIR/sluice.json"
expect_checks_up
whole=$(slots)
downloads_start "$LAB_IPIP4" "$DOWNLOADS"
expect_at_least "connections with web-2" "$(downloads_are begun web-2)" 1

says "$(weight heavy) return 200 \"as you like\\n\";"
wait_for 60 last_says "a senseless X-Load-Balancing-Endpoint-Weight" ||
	die "what makes no sense is not said: $(health web web-2 .last.sentence)"
expect_equal "slots of web-2, whose weight makes no sense" "$(slots)" "$whole"
says "$(weight 1000) return 200 \"ready\\n\";"
wait_for 60 last_says "^status 200$" || die "it says: $(health web web-2 .last.sentence)"
expect_equal "slots of web-2, which asks for ten times its weight" "$(slots)" "$whole"

SINCE=$(lab_ctl --json events --limit 1 | jq '.events[-1].number + 1')
begun=$(now_us)
says "
	if (\$request_id ~ ^[0-2]) { $(weight 1000) return 200 \"ready\\n\"; }
	if (\$request_id ~ ^[3-5]) { $(weight 0) return 200 \"100%\\n\"; }
	if (\$request_id ~ ^[6-8]) { $(weight heavy) return 200 \"what?\\n\"; }
	if (\$request_id ~ ^[9a]) { $(weight 50) return 200 \"37%\\n\"; }
	if (\$request_id ~ ^[bc]) { return 200 \"drain\\n\"; }
	if (\$request_id ~ ^[de]) { return 200 \"maint\\n\"; }
	$(weight 4294967296) return 200 \"-5%\\n\";"
wait_to_reach "$PROBES" 20 "probes of one that shouts" probes_since "$(probes)" || die "it is not probed"
windows=$((($(now_us) - begun) / 10000000 + 1))
slots=$(moves '.[0].slots')
moved=$(moves 'map(.slots_moved) | add // 0')
say "$(moves length) times slots were moved, $moved of $slots together"
# its own, once, and what all of the pool may shift by their weights
[ "$moved" -le $((whole + windows * slots * PERCENT / 100)) ] || die "it shakes the table"
wait_for 60 slots_are 0 || die "it has new flows still: $(slots) slots"
lab_fetch "$LAB_IPIP4" 100 >"$LAB_DIR/pages"
expect_equal "pages that were answered" "$(answered <"$LAB_DIR/pages")" 100
expect_equal "of these by web-2" "$(answered_by web-2 <"$LAB_DIR/pages")" 0

says 'return 200 "ready\n";'
wait_for 60 role_is serves || die "it rests for ever"
downloads_end
expect_equal "downloads that came whole" "$(downloads_are whole)" "$DOWNLOADS"
