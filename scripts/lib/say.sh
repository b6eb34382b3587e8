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
