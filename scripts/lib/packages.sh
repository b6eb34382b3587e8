# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# packages: what sluice needs of Debian 12, by what it is needed for, and how it gets there.
# The one place where a package is named.

declare -A PACKAGES=(
	# gcc without its recommended packages has no C library headers; clang compiles BPF (and the
	# second build of the tests).
	[build]="gcc libc6-dev linux-libc-dev meson ninja-build pkg-config clang llvm bpftool
		libdpdk-dev libbpf-dev libjansson-dev libevent-dev libcurl4-openssl-dev libssl-dev
		libxxhash-dev libcmocka-dev"
	# the lab: namespaces, web servers, clients
	[run]="iproute2 ethtool procps util-linux nginx-light curl jq python3"
	[test]="iputils-ping tcpdump bird2 python3-scapy python3-jsonschema
		libnghttp2-dev git shellcheck codespell clang-format lua5.4 groff-base
		man-db nftables openssl socat zsh dnsmasq-base python3-grpcio"
	# dpdk-testpmd, the floor that the benchmark measures against; what counts instructions
	[bench]="dpdk-dev valgrind"
)

# packages_of GROUP...: the names, one per line.
packages_of() {
	local group
	for group in "$@"; do
		[ -n "${PACKAGES[$group]:-}" ] || die "no package group '$group' (${!PACKAGES[*]})"
		xargs -n 1 <<<"${PACKAGES[$group]}"
	done
}

# packages_missing GROUP...: those that are not installed, one per line.
packages_missing() {
	local wanted installed
	wanted=$(packages_of "$@" | sort -u)
	# dpkg-query fails where it has never heard of one of the names: that one is missing too
	# shellcheck disable=SC2086 # a list of names
	installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null |
		sed -n 's/^ii  *//p' | sort -u)
	comm -23 <(echo "$wanted") <(echo "$installed")
}

# What was installed here, with all that came along; one name per line.
PACKAGES_LIST=/var/lib/sluice/installed-packages
PACKAGES_LOCK=/run/lock/sluice-setup

# packages_install NAME...: as root, by apt, and one at a time. Nothing that is installed here is
# started: nginx is wanted as a program, not as a service of this machine.
packages_install() (
	local log before
	type -P apt-get >/dev/null ||
		die "no apt-get here: install by other means what Debian 12 calls: $*"
	exec 9>"$PACKAGES_LOCK"
	flock 9
	log=$(mktemp)
	before=$(mktemp)
	packages_installed >"$before"
	trap 'packages_note "$before"; rm -f "$log" "$before"; services_allow' EXIT
	services_forbid
	say "installing $# packages and what they need: $*"
	packages_apt "$log" update
	packages_apt "$log" install --no-install-recommends "$@"
	case " $* " in
	*" nginx-light "*) service_disable nginx ;;
	esac
)

# All that the machine has, one name per line.
packages_installed() {
	dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii  *//p' | sort -u
}

# packages_note BEFORE_FILE: what has come since then is ours, also where apt failed half way.
packages_note() {
	local new
	new=$(comm -13 "$1" <(packages_installed))
	[ -n "$new" ] || return 0
	mkdir -p "${PACKAGES_LIST%/*}"
	echo "$new" >>"$PACKAGES_LIST"
}

# Of what was installed here, what is still there.
packages_ours() {
	[ -s "$PACKAGES_LIST" ] || return 0
	comm -12 <(sort -u "$PACKAGES_LIST") <(packages_installed)
}

# packages_remove NAME...: as root. apt would remove what depends on them, too: where somebody has
# installed such a thing since, nothing is removed.
packages_remove() {
	local others log
	others=$(apt-get -s purge "$@" | sed -nE 's/^(Remv|Purg) ([^ :]+).*/\2/p' | sort -u |
		comm -23 - <(printf '%s\n' "$@" | sort -u) | xargs)
	[ -z "$others" ] || die "nothing is removed: these need what was installed here: $others"
	log=$(mktemp)
	packages_apt "$log" purge "$@"
	rm -f "$log" "$PACKAGES_LIST"
	rmdir --ignore-fail-on-non-empty "${PACKAGES_LIST%/*}"
}

# Runs apt-get with a line of progress every five seconds, and its whole output where it failed.
packages_apt() {
	local log=$1 pid status=0
	shift
	DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 &
	pid=$!
	until wait_for 5 process_gone "$pid"; do
		say "  apt-get $1: $(grep -c "^Get:" "$log") fetched," \
			"$(grep -c "^Unpacking" "$log") unpacked, $(grep -c "^Setting up" "$log") set up"
	done
	wait "$pid" || status=$?
	[ "$status" -eq 0 ] && return
	cat "$log" >&2
	die "apt-get $1 failed"
}

process_gone() {
	[ ! -e "/proc/$1" ]
}

POLICY=/usr/sbin/policy-rc.d
POLICY_MARK="written by sluice's scripts/setup"

# Debian asks policy-rc.d before it starts the service of a new package (101: no). Where the
# machine has a policy of its own, that one stays in force.
services_forbid() {
	[ ! -e "$POLICY" ] || return 0
	printf '#!/bin/sh\n# %s for the time of an installation\nexit 101\n' "$POLICY_MARK" >"$POLICY"
	chmod 755 "$POLICY"
}

services_allow() {
	if [ -e "$POLICY" ] && grep -q "$POLICY_MARK" "$POLICY"; then
		rm "$POLICY"
	fi
}

# The package also enables its service for the next boot.
service_disable() {
	if [ -d /run/systemd/system ]; then
		systemctl --quiet disable "$1.service"
	fi
}
