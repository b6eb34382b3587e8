#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# When all checks fail at once because the node itself is cut off, silently, who serves stays as it
# was; when all backends fail while the gateway answers, they are what has failed.
. "$(dirname "$0")/begin.sh"

DOWNLOADS=20

# health NAME FIELD
health() {
	lab_ctl --json health | jq -r --arg name "$1" ".[] | select(.name == \$name) | $2"
}

all_are() {
	[ "$(lab_ctl --json health | jq -c '[.[].status] | unique')" = "[\"$1\"]" ]
}

all_serve() {
	[ "$(lab_ctl --json health | jq -c '[.[].role] | unique')" = '["serves"]' ]
}

reasons_say() {
	[ "$(lab_ctl --json status | jq --arg text "$1" '[.reasons[] | select(contains($text))] | length')" = 1 ]
}

log_says() {
	grep -q "$1" "$LAB_DIR/sluiced.log"
}

slots() {
	lab_ctl --json backends | jq -c '[.[].slots]'
}

lab_begin '.pools[].health = {type: "http", interval_ms: 200, timeout_ms: 150, fall: 2}
	| .pools[].all_down = "drop" | .pools[].affinity = {fail_grace_s: 3600, hold_s: 3600}'
wait_for 60 all_are up || die "not all are up: $(lab_ctl health)"
expect_pages "$LAB_IPIP4" 60
before=$(slots)
digest=$(lab_ctl --json status | jq -r .table_digest)

say "a cut that no link shows"
downloads_start "$LAB_IPIP4" "$DOWNLOADS"
lab_ip rtr link set r-bal nomaster
wait_for 60 all_are down || die "nobody fails: $(lab_ctl health)"
wait_for 60 log_says "this node suspects itself.*the gateway .* of port edge does not answer" ||
	die "it does not suspect itself"
expect_success "all serve as before" all_serve
expect_success "it is not ready, and says why" wait_for 60 reasons_say "suspects itself"
expect_equal "slots meanwhile" "$(slots)" "$before"
lab_ip rtr link set r-bal master br0
wait_for 60 all_are up || die "not all are up again: $(lab_ctl health)"
wait_for 60 log_says "what made this node suspect itself is over" || die "it still suspects itself"
expect_equal "the digest of its tables" "$(lab_ctl --json status | jq -r .table_digest)" "$digest"
downloads_end
expect_equal "downloads that came whole" "$(downloads_are whole)" "$DOWNLOADS"
expect_pages "$LAB_IPIP4" 60

say "all backends fail while the gateway answers"
wait_for 60 lab_ctl status --quiet || die "not ready again: $(lab_ctl status)"
for number in "${LAB_BACKENDS[@]}"; do
	lab_stop "nginx-$number"
done
wait_for 60 all_are down || die "nobody fails: $(lab_ctl health)"
wait_for 60 log_says "pool web: .*0 of 3 backends are up" || die "nothing follows from it"
expect_equal "who has failed" "$(lab_ctl --json health | jq -c '[.[].role] | unique')" '["failed"]'
