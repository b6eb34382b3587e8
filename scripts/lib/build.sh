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

# build_at DIRECTORY MESON_OPTIONS...: configures it once, then compiles what changed.
build_at() {
	local directory=$1
	shift
	if [ ! -f "$directory/build.ninja" ]; then
		as_owner meson setup "$directory" "$SLUICE_TOP" "$@"
	fi
	as_owner ninja -C "$directory"
}
