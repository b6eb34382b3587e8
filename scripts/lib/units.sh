# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# units: the test programs that meson knows, run one by one; each of their cases counts. Run here
# and not by meson, which would write into its owner's directory as root.
#
# LOGS is the directory for their output. results.sh comes before this.

# run_units SUITE BUILD: all of them, in whatever suite of meson's, so that none is forgotten. But
# not the fuzzers, which only a build for them has.
run_units() {
	local program
	meson introspect "$2" --tests | jq -c '.[] | select(.suite | any(endswith(":fuzz")) | not)' >"$LOGS/units"
	if [ ! -s "$LOGS/units" ]; then
		result_failed "$1: meson knows no test" 0
	fi
	while read -r program; do
		run_unit "$1" "$2" "$program" </dev/null
	done <"$LOGS/units"
}

# run_unit SUITE BUILD PROGRAM: what meson knows of it, as JSON. In the directory where meson would
# run it.
run_unit() {
	local program=$3 directory name started status=0 command environment
	name=$1/$(jq -r .name <<<"$program")
	directory=$(jq -r --arg build "$2" '.workdir // $build' <<<"$program")
	mapfile -t command < <(jq -r '.cmd[]' <<<"$program")
	mapfile -t environment < <(jq -r '.env | to_entries[] | "\(.key)=\(.value)"' <<<"$program")
	started=$(now_us)
	env -C "$directory" "${environment[@]}" timeout -k 5 "$(jq -r .timeout <<<"$program")" "${command[@]}" \
		>"$LOGS/log" 2>&1 || status=$?
	case ${command[0]} in
	*.py) result_of "$name" "$started" "$status" "$LOGS/log" ;;
	*) unit_cases "$name" "$started" "$status" ;;
	esac
}

# unit_cases NAME STARTED_US STATUS: the verdicts of cmocka in the log. A case that was begun and
# has none took the program with it, one that was skipped is no success, and neither is a program
# without any case.
unit_cases() {
	local name=$1 seconds case count=0 failures=0
	seconds=$(seconds_since "$2")
	while read -r case; do
		count=$((count + 1))
		if grep -q "^\[       OK \] $case\$" "$LOGS/log"; then
			result_ok "$name/$case" "$seconds"
		else
			result_failed "$name/$case" "$seconds"
			failures=$((failures + 1))
		fi
	done < <(sed -n 's/^\[ RUN      \] //p' "$LOGS/log")
	if [ "$failures" -gt 0 ]; then
		sed 's/^/      | /' "$LOGS/log"
	elif [ "$count" -eq 0 ] || [ "$3" -ne 0 ]; then
		echo "($count cases, exit status $3)" >>"$LOGS/log"
		result_failed "$name" "$seconds" "$LOGS/log"
	fi
}
