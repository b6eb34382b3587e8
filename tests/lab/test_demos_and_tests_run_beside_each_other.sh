#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two demos of this tree and one of a copy of it, and meanwhile again and again tests that make
# networks, start EAL and the whole sluiced: none takes a name, a port, memory or a lock from another.
. "$(dirname "$0")/begin.sh"

# demo_start NAME TREE: in the background, output in LAB_DIR/NAME.log. Its lab is one of this test's.
demo_start() {
	LAB_ROOT=$LAB_DIR/labs SLUICE_BUILD=$SLUICE_BUILD SLUICE_STARTED_US='' "$2/scripts/demo" \
		</dev/null >"$LAB_DIR/$1.log" 2>&1 &
	process_identity $! >"$LAB_DIR/pids/$1"
	DEMOS[$!]=$1
}

demos_run() {
	local name
	for name in "${DEMOS[@]}"; do
		! lab_runs "$name" || return 0
	done
	return 1
}

tests_pass() {
	local program
	for program in test_steer test_netdev test_port test_worker; do
		"$SLUICE_BUILD/tests/unit/$program" >"$LAB_DIR/$program.log" 2>&1 ||
			die "$program failed beside $ROUNDS rounds of others"
	done
	"$SLUICE_TOP/tests/golden/run" --build "$SLUICE_BUILD" --quick report >"$LAB_DIR/golden.log" 2>&1 ||
		die "the golden tests failed after $ROUNDS rounds"
	ROUNDS=$((ROUNDS + 1))
}

lab_open
mkdir "$LAB_DIR/labs" "$LAB_DIR/clone"
tar -C "$SLUICE_TOP" -cf - --exclude='./build*' --exclude=./.git . | tar -C "$LAB_DIR/clone" -xf -
declare -A DEMOS=() # process id -> name
ROUNDS=0
demo_start demo-1 "$SLUICE_TOP"
demo_start demo-2 "$SLUICE_TOP"
demo_start demo-of-the-copy "$LAB_DIR/clone"
expect_success "three demos run" demos_run
while demos_run; do
	tests_pass
done
expect_at_least "rounds of tests beside them" "$ROUNDS" 1
for pid in "${!DEMOS[@]}"; do
	expect_success "${DEMOS[$pid]} succeeds" wait "$pid"
	expect_text "and says so" "$(tail -n 1 "$LAB_DIR/${DEMOS[$pid]}.log")" '([0-9]+) of \1 requests were answered'
done
expect_equal "labs left" "$(find "$LAB_DIR/labs" -mindepth 1 -maxdepth 1 | wc -l)" 0
