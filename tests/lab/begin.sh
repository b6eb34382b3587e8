# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# begin: what every lab test begins with.
set -euo pipefail

LIB=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib")
# shellcheck source=scripts/lib/lab.sh
. "$LIB/lab.sh"
# shellcheck source=scripts/lib/expect.sh
. "$LIB/expect.sh"
# shellcheck source=tests/lab/downloads.sh
. "$LIB/../../tests/lab/downloads.sh"

need_root "$@"
CONFIG=/dev/null # of this lab, from lab_begin on

# lab_begin [JQ_FILTER]: the lab with everything in it at work, its configuration changed by the
# filter.
lab_begin() {
	lab_up
	lab_backends_start
	CONFIG=$LAB_DIR/sluice.json
	lab_config | jq "${1:-.}" >"$CONFIG"
	chmod 640 "$CONFIG"
	lab_balancer_start "$CONFIG"
	say "the lab is up"
}

# expect_pages ADDRESS COUNT: every one is answered, and each of the three backends had a part in
# it: half of its share of 200 and more, of fewer a seventh, because chance has more to say there
# (fewer than that: 1 in 10^7 at most).
expect_pages() {
	local number
	lab_fetch "$1" "$2" >"$LAB_DIR/pages"
	expect_equal "pages of $1 that were answered" "$(answered <"$LAB_DIR/pages")" "$2"
	for number in "${LAB_BACKENDS[@]}"; do
		expect_at_least "of these by web-$number" "$(answered_by "web-$number" <"$LAB_DIR/pages")" \
			$(($2 >= 200 ? $2 / 6 : $2 / 20))
	done
}

# expect_law: at rest, what was received equals the sum of all verdicts. A packet may be under way
# when it is asked for the first time.
expect_law() {
	wait_for 60 law_holds || die "received $(lab_stat "$RECEIVED"), verdicts $(lab_stat "$VERDICTS")"
	say "received equals the sum of all verdicts: $(lab_stat "$RECEIVED")"
}

RECEIVED='[.ports[].rx_packets] | add'
VERDICTS='[.verdicts[]] | add'

law_holds() {
	[ "$(lab_stat "($RECEIVED) == ($VERDICTS)")" = true ]
}
