# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# say: what the scripts tell the person in front of them, with the seconds since the first of them
# started, and how they give up.

now_us() {
	local LC_ALL=C # EPOCHREALTIME has the decimal sign of the locale
	printf '%s' "${EPOCHREALTIME/./}"
}

# A script that starts another one shares its clock.
export SLUICE_STARTED_US=${SLUICE_STARTED_US:-$(now_us)}

say() {
	local us=$(($(now_us) - SLUICE_STARTED_US))
	printf '[%3d.%d s] %s\n' $((us / 1000000)) $((us / 100000 % 10)) "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# wait_for SECONDS COMMAND...: polls until the command succeeds; 1 once the deadline has passed.
wait_for() {
	local deadline=$(($(now_us) + $1 * 1000000))
	shift
	until "$@"; do
		[ "$(now_us)" -lt "$deadline" ] || return 1
		sleep 0.03 # the pause between two looks at the condition, not the deadline
	done
}

# Seconds with two decimals since a now_us() of before.
seconds_since() {
	local us=$(($(now_us) - $1))
	printf '%d.%02d' $((us / 1000000)) $((us / 10000 % 100))
}

# wait_to_reach GOAL SECONDS WHAT COMMAND...: until the number that COMMAND prints has reached GOAL.
# A busy machine is slow and not stuck: this fails only once the number has not grown for SECONDS.
# It says every few seconds how far it is, and where it was when it failed: `WHAT: 34 of 100`.
wait_to_reach() {
	local goal=$1 patience_us=$(($2 * 1000000)) what=$3 number=0 before=0 grown_us said_us now
	shift 3
	grown_us=$(now_us)
	said_us=$grown_us
	until [ "$number" -ge "$goal" ]; do
		sleep 0.03 # the pause between two looks
		number=$("$@")
		now=$(now_us)
		if [ "$number" -gt "$before" ]; then
			before=$number
			grown_us=$now
		elif [ $((now - grown_us)) -ge "$patience_us" ]; then
			say "$what: $number of $goal, and none for $((patience_us / 1000000)) s"
			return 1
		fi
		if [ $((now - said_us)) -ge 5000000 ] && [ "$number" -lt "$goal" ]; then
			say "$what: $number of $goal"
			said_us=$now
		fi
	done
}
