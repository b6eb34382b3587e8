#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A lab under traffic, and one whose script waits for something; and the programs that make a machine
# busy.
. "$(dirname "$0")/begin.sh"

# start NAME COMMAND...: as in a terminal of its own. What a shell starts in the background would
# ignore Ctrl-C.
start() {
	local name=$1
	shift
	LAB_ROOT=$LAB_DIR/labs SLUICE_STARTED_US='' python3 -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.setsid()
os.execvp(sys.argv[1], sys.argv[1:])' "$@" </dev/null >"$LAB_DIR/$name.log" 2>&1 &
	process_identity $! >"$LAB_DIR/pids/$name"
}

# nothing_runs PID: not even what has ended and was not waited for yet, in the session of that process.
nothing_runs() {
	! pgrep -s "$1" >/dev/null
}

# expect_clean_end NAME: when Ctrl-C is pressed, which reaches all of its group. Pressed again, as a
# person does it, where nothing happens: bash loses one now and then that comes with the end of a child.
expect_clean_end() {
	local status=0 pid
	pid=$(lab_pid "$1")
	for _ in 1 2 3 4; do
		kill -INT -- "-$pid" 2>/dev/null || true
		! wait_for 30 lab_gone "$1" || break
	done
	lab_gone "$1" || die "$1 does not end"
	wait "$pid" || status=$?
	expect_equal "exit status of $1 after Ctrl-C" "$status" 130
	expect_equal "labs left" "$(find "$LAB_DIR/labs" -mindepth 1 -maxdepth 1 | wc -l)" 0
	expect_equal "namespaces left" "$(find /run/netns -name "sl$pid-*" | wc -l)" 0
	wait_for 30 nothing_runs "$pid" || die "left in its session: $(ps -o pid,stat,args -s "$pid")"
	expect_equal "processes left of its lab" "$(pgrep -c -f "labs/sl$pid/" || true)" 0
}

traffic_flows() {
	[ -s "$LAB_DIR/labs/sl$(lab_pid "$1")/traffic" ]
}

# busy_runs COUNT: for a moment there may be one more, a child of the script that is to become its sleep.
busy_runs() {
	[ "$(pgrep -c -s "$(lab_pid busy)" bash)" = "$1" ]
}

says() {
	grep -q "$2" "$LAB_DIR/$1.log"
}

lab_open
mkdir "$LAB_DIR/labs"
start traffic bash "$(dirname "$0")/test_no_request_fails_that_began_after_its_backend_was_disabled.sh"
wait_for 120 traffic_flows traffic || die "no traffic: $(tail -n 1 "$LAB_DIR/traffic.log")"
expect_clean_end traffic

start demo bash "$SLUICE_TOP/scripts/demo"
wait_for 300 says demo 'starting nginx' || die "the demo does not begin: $(tail -n 1 "$LAB_DIR/demo.log")"
expect_clean_end demo

# shellcheck disable=SC2016 # for the other shell
start busy bash -c '. "$1/say.sh"; . "$1/busy.sh"
	trap busy_end EXIT
	trap "exit 130" INT
	busy_begin 3
	echo "at work"
	wait_for 600 false' busy "$LIB"
wait_for 60 says busy 'at work' || die "nothing is busy"
wait_for 30 busy_runs 4 || die "not three busy programs and their script: $(ps -o pid,args -s "$(lab_pid busy)")"
expect_clean_end busy
