# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# units: the test programs that meson knows, two at a time; each of their cases counts. Run here and
# not by meson, which would write into its owner's directory as root.
#
# LOGS is the directory for their output. results.sh comes before this.

UNIT_JOBS=2
declare -A UNITS=() # process id of a program that runs -> its suite and name, its kind

# run_units SUITE BUILD: all of them, in whatever suite of meson's, so that none is forgotten. But
# not the fuzzers, which only a build for them has. Those that take long come first.
run_units() {
	local program
	meson introspect "$2" --tests | jq -c '.[] | select(.suite | any(endswith(":fuzz")) | not)' |
		jq -sc 'sort_by(-.timeout)[]' >"$LOGS/units"
	if [ ! -s "$LOGS/units" ]; then
		result_failed "$1: meson knows no test" 0
	fi
	while read -r program; do
		[ ${#UNITS[@]} -lt "$UNIT_JOBS" ] || unit_end
		unit_start "$1" "$2" "$program"
	done <"$LOGS/units"
	while [ ${#UNITS[@]} -gt 0 ]; do
		unit_end
	done
}

# unit_start SUITE BUILD PROGRAM: what meson knows of it, as JSON. In the directory where meson would
# run it.
unit_start() {
	local program=$3 directory name command environment
	name=$(jq -r .name <<<"$program")
	directory=$(jq -r --arg build "$2" '.workdir // $build' <<<"$program")
	mapfile -t command < <(jq -r '.cmd[]' <<<"$program")
	mapfile -t environment < <(jq -r '.env | to_entries[] | "\(.key)=\(.value)"' <<<"$program")
	now_us >"$LOGS/unit-$name.started"
	env -C "$directory" "${environment[@]}" timeout -k 5 "$(jq -r .timeout <<<"$program")" "${command[@]}" \
		</dev/null >"$LOGS/unit-$name.log" 2>&1 &
	UNITS[$!]="$1 $name ${command[0]##*.}"
}

# Waits for one of them.
unit_end() {
	local pid status=0 suite name kind log started
	wait -n -p pid "${!UNITS[@]}" || status=$?
	read -r suite name kind <<<"${UNITS[$pid]}"
	unset "UNITS[$pid]"
	log=$LOGS/unit-$name.log
	started=$(cat "$LOGS/unit-$name.started")
	case $kind in
	py) result_of "$suite/$name" "$started" "$status" "$log" ;;
	*) unit_cases "$suite/$name" "$started" "$status" "$log" ;;
	esac
}

# unit_cases NAME STARTED_US STATUS LOG: the verdicts of cmocka in the log. A case that was begun and
# has none took the program with it, one that was skipped is no success, and neither is a program
# without any case.
unit_cases() {
	local name=$1 log=$4 seconds case count=0 failures=0
	seconds=$(seconds_since "$2")
	while read -r case; do
		count=$((count + 1))
		if grep -q "^\[       OK \] $case\$" "$log"; then
			result_ok "$name/$case" "$seconds"
		else
			result_failed "$name/$case" "$seconds"
			failures=$((failures + 1))
		fi
	done < <(sed -n 's/^\[ RUN      \] //p' "$log")
	if [ "$failures" -gt 0 ]; then
		sed 's/^/      | /' "$log"
	elif [ "$count" -eq 0 ] || [ "$3" -ne 0 ]; then
		echo "($count cases, exit status $3)" >>"$log"
		result_failed "$name" "$seconds" "$log"
	fi
}
