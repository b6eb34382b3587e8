# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# root: namespaces, XDP and apt need root; what is built belongs to whoever owns the checkout.

# `su` without a dash leaves root with the PATH of the user.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# need_root ARGUMENTS...: starts the running script again by sudo where it is not root.
need_root() {
	[ "$(id -u)" -ne 0 ] || return 0
	type -P sudo >/dev/null || die "needs root, and there is no sudo here: run it as root"
	printf '%s: needs root, asking sudo\n' "${0##*/}"
	exec sudo -- "${SLUICE_ENVIRONMENT[@]}" "$(readlink -f "$0")" "$@"
}

# The settings that survive sudo.
SLUICE_ENVIRONMENT=(env "SLUICE_BUILD=$SLUICE_BUILD" "SLUICE_FUZZ_SECONDS=${SLUICE_FUZZ_SECONDS:-}")

# as_owner COMMAND...: as the owner of the checkout, so that root leaves no file behind that its
# owner cannot build over.
as_owner() {
	local owner group home
	owner=$(stat -c %u "$SLUICE_TOP")
	group=$(stat -c %g "$SLUICE_TOP")
	if [ "$(id -u)" -ne 0 ] || [ "$owner" -eq 0 ]; then
		"$@"
		return
	fi
	home=$(getent passwd "$owner" | cut -d: -f6) || home= # an owner without a name
	setpriv --reuid "$owner" --regid "$group" --clear-groups env HOME="${home:-/tmp}" "$@"
}
