# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# lab: a small network of namespaces with real clients, real web servers and one balancer.
#
# A lab is a directory LAB_ROOT/ID with everything its processes write, and the namespaces ID-*.
# ID contains the process id of the script that made it, so labs run side by side; the script
# removes its lab when it ends, however it ends. What kill -9 or a power cut left behind, and what
# was left up on request, goes by lab_clean.
#
# This file is the life of a lab and of its processes; network.sh lays the cables, backends.sh,
# balancer.sh and clients.sh are what runs there.

LAB_LIB=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=scripts/lib/say.sh
. "$LAB_LIB/say.sh"
# shellcheck source=scripts/lib/build.sh
. "$LAB_LIB/build.sh"
# shellcheck source=scripts/lib/root.sh
. "$LAB_LIB/root.sh"
# shellcheck source=scripts/lib/network.sh
. "$LAB_LIB/network.sh"
# shellcheck source=scripts/lib/backends.sh
. "$LAB_LIB/backends.sh"
# shellcheck source=scripts/lib/balancer.sh
. "$LAB_LIB/balancer.sh"
# shellcheck source=scripts/lib/clients.sh
. "$LAB_LIB/clients.sh"

LAB_ROOT=${LAB_ROOT:-/run/sluice-lab}
LAB_KEEP=no # yes: the lab stays up when the script ends well

# lab_up: makes the network; takes over the traps of the calling script.
lab_up() {
	lab_open
	network_up
}

# Claims the directory before anything exists that would need to be cleaned up. It is made under
# another name and appears with its owner in it: whoever cleans up meanwhile sees that it is not
# abandoned.
lab_open() {
	LAB_ID=sl$$
	LAB_DIR=$LAB_ROOT/$LAB_ID
	if [ -d "$LAB_DIR" ]; then
		lab_remove "$LAB_ID" # of a dead process that had our id
	fi
	trap lab_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
	mkdir -p "$LAB_DIR.new/pids"
	process_identity $$ >"$LAB_DIR.new/owner"
	mv -T "$LAB_DIR.new" "$LAB_DIR"
}

# The EXIT trap. Nothing may interrupt it: half a clean-up is worse than a slow one.
lab_end() {
	local status=$?
	trap '' INT TERM HUP
	if [ "$status" -eq 0 ] && [ "$LAB_KEEP" = yes ]; then
		touch "$LAB_DIR/kept"
		exit 0
	fi
	if [ "$status" -ne 0 ] && [ "$status" -lt 128 ]; then # failed, and not told to end
		lab_show_logs >&2
	fi
	lab_remove "$LAB_ID"
	exit "$status"
}

lab_show_logs() {
	local log
	for log in "$LAB_DIR"/*.log; do
		[ -s "$log" ] || continue
		printf -- '--- the end of %s\n' "${log##*/}"
		tail -n 25 "$log"
	done
}

# lab_remove ID: ends what the lab started and what still runs inside its namespaces, then takes
# down the namespaces and the directory. For labs of this script and for those left behind.
lab_remove() {
	local id=$1 namespace
	lab_signal "$id" TERM
	if ! wait_for 20 lab_is_quiet "$id"; then
		lab_signal "$id" KILL
		wait_for 60 lab_is_quiet "$id" || printf 'lab %s: processes that do not end\n' "$id" >&2
	fi
	for namespace in /run/netns/"$id"-*; do
		[ -e "$namespace" ] || continue
		lab_drop_claims "$namespace"
		ip netns del "${namespace##*/}"
	done
	rm -rf "${LAB_ROOT:?}/$id" "${LAB_ROOT:?}/$id.new"
}

# The files by which sluiced claims an interface of the namespace; no sluiced runs there any more.
lab_drop_claims() {
	rm -f /run/sluice/xdp-"$(stat -Lc %i "$1")"-*.lock
}

lab_signal() {
	local pid
	for pid in $(lab_processes "$1"); do
		kill "-$2" "$pid" 2>/dev/null || continue # it ended by itself meanwhile
	done
}

lab_is_quiet() {
	[ -z "$(lab_processes "$1")" ]
}

# lab_processes ID: by the records, because some run outside the namespaces, and by the namespaces,
# because some have children.
lab_processes() {
	local record pid namespace
	for record in "$LAB_ROOT/$1"/pids/*; do
		[ -s "$record" ] || continue
		read -r pid _ <"$record"
		if [ "$(process_identity "$pid")" = "$(cat "$record")" ]; then
			echo "$pid"
		fi
	done
	for namespace in /run/netns/"$1"-*; do
		[ ! -e "$namespace" ] || ip netns pids "${namespace##*/}"
	done
}

# lab_clean crashed|all: removes the labs whose script is gone; with `all` those that were left up on
# request, too. Says what it removed.
lab_clean() {
	local directory id
	for directory in "$LAB_ROOT"/*/; do
		id=$(basename "$directory" .new)
		[ -d "$directory" ] || continue
		! lab_has_owner "${directory%/}" || continue
		[ ! -e "$directory/kept" ] || [ "$1" = all ] || continue
		lab_remove "$id"
		echo "removed the lab $id"
	done
}

# lab_has_owner DIRECTORY: whether the script lives that made the lab. One that is still in the
# making (ID.new) says by its name alone whose it is.
lab_has_owner() {
	local owner
	case $1 in
	*/sl*.new)
		owner=${1##*/sl}
		[ -n "$(process_identity "${owner%.new}")" ]
		;;
	*)
		owner=$(cat "$1/owner" 2>/dev/null) || return 1
		[ -n "$owner" ] && [ "$(process_identity "${owner% *}")" = "$owner" ]
		;;
	esac
}

# process_identity PID: the id and when it started (field 22 of stat; what is counted here comes
# after the name in brackets), because ids come round again. Nothing where no such process lives.
process_identity() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	# shellcheck disable=SC2086 # fields
	set -- "$1" ${stat##*) }
	[ "$2" = Z ] || printf '%s %s\n' "$1" "${21}"
}

# lab_spawn NAME HOST COMMAND...: in the background, output in LAB_DIR/NAME.log. In a session of
# its own, so that Ctrl-C reaches the script alone, which then ends it in good order.
lab_spawn() {
	local name=$1 host=$2
	shift 2
	ip netns exec "$LAB_ID-$host" setsid "$@" </dev/null >>"$LAB_DIR/$name.log" 2>&1 &
	process_identity $! >"$LAB_DIR/pids/$name"
	disown "$!" # bash would report that it was killed
}

lab_pid() {
	local pid
	read -r pid _ <"$LAB_DIR/pids/$1"
	echo "$pid"
}

lab_runs() {
	[ -s "$LAB_DIR/pids/$1" ] || return 1
	[ "$(process_identity "$(lab_pid "$1")")" = "$(cat "$LAB_DIR/pids/$1")" ]
}

lab_gone() {
	! lab_runs "$1"
}

# lab_stop NAME [SIGNAL]: and waits for its end.
lab_stop() {
	kill "-${2:-TERM}" "$(lab_pid "$1")"
	wait_for 60 lab_gone "$1" || die "$1 does not end"
}
