# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# machine: a copy of this machine's files to do anything to. It is an overlay in a mount namespace of
# its own, which vanishes with the last process in it; nothing of it reaches the machine.

# machine_run DIRECTORY COMMAND...: COMMAND beside the copy, which is DIRECTORY/root. The directory
# takes what is written.
machine_run() {
	unshare --mount --propagation private bash "${BASH_SOURCE[0]}" beside "$@"
}

# machine_inside DIRECTORY COMMAND...: COMMAND in the copy, with processes and a network of its own.
machine_inside() {
	unshare --mount --propagation private --pid --net --fork bash "${BASH_SOURCE[0]}" within "$@"
}

# The same directory again has what was written there before. `sysctl -w vm.nr_hugepages` is for the
# whole machine and ends in a file.
machine_make() {
	local root=$1/root top
	top=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
	machine_overlay / "$root" "$1/files"
	mount -t proc proc "$root/proc"
	mount -t tmpfs tmpfs "$root/run"
	mount -t tmpfs tmpfs "$root/tmp"
	mount --rbind /dev "$root/dev"
	machine_overlay "$top" "$root$top" "$1/tree"
	mkdir "$root/run/lock"
	echo 0 >"$root/run/nr_hugepages"
	mount --bind "$root/run/nr_hugepages" "$root/proc/sys/vm/nr_hugepages"
}

machine_overlay() {
	mkdir -p "$2" "$3/upper" "$3/work"
	mount -t overlay overlay -o "lowerdir=$1,upperdir=$3/upper,workdir=$3/work" "$2" || {
		echo "no copy of this machine can be made: that takes overlayfs, and on ${3%/*} another file system (in a container, a tmpfs on /run)" >&2
		exit 1
	}
}

# What unshare starts.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -euo pipefail
	machine_make "$2"
	case $1 in
	beside) exec "${@:3}" ;;
	within) exec chroot "$2/root" env "${@:3}" ;;
	esac
fi
