# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# build: where the source and the build are, and how one becomes the other.

SLUICE_TOP=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
# Another build directory than build/ for the scripts to make and to use.
SLUICE_BUILD=${SLUICE_BUILD:-$SLUICE_TOP/build}
# The programs.
# shellcheck disable=SC2034 # for the scripts that source this
{
	SLUICED=$SLUICE_BUILD/control/sluiced
	SLUICECTL=$SLUICE_BUILD/control/sluicectl
	SLUICE_DECAP=$SLUICE_BUILD/drivers-config/sluice-decap
}

# What runs: all that a demo needs, and a small part of what there is to build.
# shellcheck disable=SC2034 # for the scripts that source this
BUILD_PROGRAMS=("${SLUICED#"$SLUICE_BUILD"/}" "${SLUICECTL#"$SLUICE_BUILD"/}" "${SLUICE_DECAP#"$SLUICE_BUILD"/}")

# build_at DIRECTORY [MESON_OPTION...] [-- TARGET...]: configures it once, then compiles what changed,
# of everything or of the targets. One at a time in a directory: whoever comes second waits.
build_at() {
	local directory=$1 options=() status=0
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	as_owner mkdir -p "$directory"
	as_owner touch "$directory/.lock"
	# not handed on to what is started here, some of which may live longer
	exec 8<"$directory/.lock"
	if ! flock -n 8; then
		say "waiting for another build in $directory"
		flock 8
	fi
	if [ ! -f "$directory/build.ninja" ]; then
		as_owner meson setup "$directory" "$SLUICE_TOP" "${options[@]}" 8<&- || status=$?
	fi
	[ "$status" -ne 0 ] || as_owner ninja -C "$directory" "$@" 8<&- || status=$?
	exec 8<&-
	return "$status"
}
