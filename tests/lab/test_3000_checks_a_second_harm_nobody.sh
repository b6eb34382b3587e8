#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Three thousand backends are checked once a second beside traffic: none is falsely down, sluicectl
# answers, and after kill -9 all of them are up without waiting to be checked again.
. "$(dirname "$0")/begin.sh"
# shellcheck source=tests/lab/checks.sh
. "$LIB/../../tests/lab/checks.sh"

BACKENDS=3000
ROUNDS=4
PATIENCE_S=10 # of an operator, on a busy machine

many_up() {
	lab_ctl --json health many | jq '[.[] | select(.status == "up")] | length'
}

probes() {
	lab_ctl --json health many | jq '[.[].last.probes // 0] | add'
}

probes_since() {
	echo $(($(probes) - $1))
}

# ask COMMAND...: of sluicectl, and says how long the answer took.
ask() {
	local begun
	begun=$(now_us)
	timeout "$PATIENCE_S" "$SLUICECTL" --socket "$LAB_DIR/control.sock" "$@" >"$LAB_DIR/answer" ||
		die "sluicectl $* does not answer in $PATIENCE_S s"
	say "sluicectl $*: $((($(now_us) - begun) / 1000)) ms"
}

lab_up
lab_backends_start
# Connections that nginx has not accepted yet are not to be in the way of those of clients.
web_write checked <<<'server { listen 8080 backlog=4096; }'
web_start checked b1
lab_ip b1 route add local 10.3.0.0/16 dev lo # it has all of these addresses
lab_ip bal route add 10.3.0.0/16 via 10.2.0.21
lab_config | jq --argjson count "$BACKENDS" '.dataplane.ports[].gateway_mac = "02:00:00:00:00:21" |
	.pools += [{name: "many",
	health: {type: "tcp", via: "direct", port: 8080},
	backends: [range($count) | {name: "m-\(.)", address: "10.3.\(. / 250 | floor).\(. % 250 + 1)"}]}]' \
	>"$LAB_DIR/sluice.json"
lab_balancer_start "$LAB_DIR/sluice.json"
say "the lab is up"
wait_to_reach "$BACKENDS" 20 "backends that are up" many_up || die "not all are up: $(lab_ctl health many --problems)"
say "all $BACKENDS are up"

traffic_start "$LAB_IPIP4"
begun=$(now_us)
before=$(probes)
wait_to_reach $((ROUNDS * BACKENDS)) 20 "probes" probes_since "$before" || die "they are not checked"
say "$(($(probes_since "$before") * 1000000 / ($(now_us) - begun))) checks a second"
ask --json health many
ask status
ask --json backends many
ask --json events --kind health --limit 10000
expect_equal "backends that came to be anything but up" \
	"$(lab_ctl --json health many | jq '[.[] | select(any(.changes[]; .status != "up"))] | length')" 0
traffic_stop
expect_equal "pages that were not answered" "$(grep -vc ' 200 ' "$LAB_DIR/traffic" || true)" 0

lab_stop sluiced KILL
lab_balancer_start "$LAB_DIR/sluice.json"
expect_equal "backends that are up at once after kill -9" "$(many_up)" "$BACKENDS"
