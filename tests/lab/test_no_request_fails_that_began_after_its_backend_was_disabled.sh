#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A backend is taken out and put back in while a client keeps asking.
. "$(dirname "$0")/begin.sh"

# since TIME_US PATTERN: lines of the traffic that began after it and match.
since() {
	awk -v time="$1" '$1 > time' "$LAB_DIR/traffic" | grep -Ec -- "$2" || return 0
}

lab_begin
traffic_start "$LAB_IPIP4"
traffic_more 50
answer=$(lab_ctl --json backend set web web-2 --state disabled)
disabled_us=$(now_us)
expect_equal "slots of web-2 afterwards" \
	"$(jq '.pools[0].backends[] | select(.name == "web-2") | .slots_after' <<<"$answer")" 0
expect_at_least "slots that moved (its own are 21845)" "$(jq .slots_moved <<<"$answer")" 21000
traffic_more 300
expect_at_least "requests since it was disabled" "$(since "$disabled_us" .)" 280
expect_equal "of these unanswered" "$(since "$disabled_us" '^[0-9]+ [^2]')" 0
expect_equal "of these answered by web-2" "$(since "$disabled_us" 'web-2 ')" 0

lab_ctl backend set web web-2 --state active
active_us=$(now_us)
traffic_more 300
traffic_stop
expect_equal "requests unanswered since it is back" "$(since "$active_us" '^[0-9]+ [^2]')" 0
expect_at_least "requests that it answers again" "$(since "$active_us" 'web-2 ')" 30
