#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What scripts/test makes of the programs that meson knows: a case counts by its verdict, and a
# program that ran none fails.
. "$(dirname "$0")/begin.sh"
# shellcheck source=scripts/lib/results.sh
. "$LIB/results.sh"
# shellcheck source=scripts/lib/units.sh
. "$LIB/units.sh"

# A test program that says TEXT and exits with STATUS.
program() {
	printf '#!/bin/bash\nprintf "%s"\nexit %d\n' "$2" "$3" >"$LAB_DIR/$1"
	chmod +x "$LAB_DIR/$1"
}

# expect_results WHAT PROGRAM PASSED FAILED
expect_results() {
	local json
	PASSED=0
	FAILED=0
	json=$(jq -n --arg program "$LAB_DIR/$2" --arg directory "$LAB_DIR" \
		'{name: "it", cmd: [$program, "argument"], env: {A: "b"}, workdir: $directory, timeout: 10}')
	unit_start unit "$LAB_DIR" "$json"
	unit_end >"$LAB_DIR/said"
	expect_equal "$1: passed and failed" "$PASSED $FAILED" "$3 $4"
}

lab_open
LOGS=$LAB_DIR
run='[ RUN      ] %s\\n' ok='[       OK ] %s\\n' failed='[  FAILED  ] %s\\n'
# shellcheck disable=SC2059 # the formats of cmocka
{
	program none '[==========] Running 0 test(s).\n[  PASSED  ] 0 test(s).\n' 0
	program silent '' 0
	program two "$(printf "$run$ok$run$ok" one one two two)" 0
	program half "$(printf "$run$ok$run$failed" one one two two)" 1
	program crash "$(printf "$run$ok$run" one one two)" 139
	program late "$(printf "$run$ok" one one)" 1
	program script.py 'all is well' 0
	program wrong.py 'all is not well' 1
}
expect_results "no case" none 0 1
expect_results "no word" silent 0 1
expect_results "two cases" two 2 0
expect_results "one of two cases" half 1 1
expect_results "a crash in the second case" crash 1 1
expect_results "a failure after the cases" late 1 1
expect_results "a Python program" script.py 1 0
expect_results "a Python program that fails" wrong.py 0 1
