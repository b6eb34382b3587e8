# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# results: one line for each test, the log of each that failed, and the sum at the end.

PASSED=0
FAILED=0

# result_ok NAME SECONDS
result_ok() {
	PASSED=$((PASSED + 1))
	printf 'ok    %-86s %7s s\n' "$1" "$2"
}

# result_failed NAME SECONDS [LOG_FILE]
result_failed() {
	FAILED=$((FAILED + 1))
	printf 'FAIL  %-86s %7s s\n' "$1" "$2"
	[ -z "${3:-}" ] || sed 's/^/      | /' "$3"
}

# result_of NAME STARTED_US STATUS LOG_FILE: by exit status.
result_of() {
	if [ "$3" -eq 0 ]; then
		result_ok "$1" "$(seconds_since "$2")"
	else
		echo "(exit status $3)" >>"$4"
		result_failed "$1" "$(seconds_since "$2")" "$4"
	fi
}

# The last line of a run; succeeds if nothing failed and something ran.
results_end() {
	echo "$PASSED passed, $FAILED failed"
	[ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
}
