# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# clients: curl on the host cli.

# lab_fetch ADDRESS COUNT [PARALLEL]: gets COUNT pages, each over a connection of its own. Prints a
# line for each: HTTP status (000 where no answer came), who answered, the client's port. Judge the
# lines: the exit status of curl speaks of one of its transfers only.
lab_fetch() {
	lab_in cli curl --silent --no-progress-meter --max-time 10 \
		--parallel --parallel-immediate --parallel-max "${3:-20}" --header 'Connection: close' \
		--output /dev/null --write-out '%{http_code} %header{x-backend} %{local_port}\n' \
		"http://$(url_host "$1")/?[1-$2]" || return 0
}

# An IPv6 address stands in brackets in a URL, and before a port.
url_host() {
	case $1 in
	*:*) printf '[%s]' "$1" ;;
	*) printf '%s' "$1" ;;
	esac
}

# Of the lines of lab_fetch on standard input, how many were answered.
answered() {
	grep -c '^200 ' || return 0
}

# answered_by NAME: and by whom.
answered_by() {
	grep -c "^200 $1 " || return 0
}

# traffic_start ADDRESS: a client who keeps asking, in small batches one after the other; the
# requests of a batch begin together. Each line of LAB_DIR/traffic is one of lab_fetch behind the
# time (us) at which its batch was begun.
traffic_start() {
	rm -f "$LAB_DIR/traffic.stop"
	traffic_run "$1" >"$LAB_DIR/traffic" &
	process_identity $! >"$LAB_DIR/pids/traffic"
	traffic_more 20
}

TRAFFIC_BATCH=5

traffic_run() {
	local start
	while [ ! -e "$LAB_DIR/traffic.stop" ]; do
		start=$(now_us)
		lab_fetch "$1" "$TRAFFIC_BATCH" "$TRAFFIC_BATCH" | sed "s/^/$start /"
	done
}

# traffic_more COUNT: returns once so many more requests have been answered. How long that takes is
# for the machine to say; but an answer has to come now and then.
traffic_more() {
	wait_to_reach "$1" "$TRAFFIC_PATIENCE" "pages since then" traffic_answered_since "$(traffic_answered)" ||
		die "the traffic has stopped"
}

# A batch is written when it has ended, and a request may take 10 s.
TRAFFIC_PATIENCE=20

traffic_answered() {
	cut -d ' ' -f 2- "$LAB_DIR/traffic" | answered
}

traffic_answered_since() {
	echo $(($(traffic_answered) - $1))
}

# Lets the batch under way end.
traffic_stop() {
	touch "$LAB_DIR/traffic.stop"
	wait_for 60 lab_gone traffic || die "the traffic does not end"
}

# traffic_broken BEGIN_US END_US: how many requests got no answer that may have been broken by a
# change made in that time: their batch was begun before the end of it, and no other batch was begun
# before its beginning. All other requests without an answer were lost.
traffic_broken() {
	awk -v begin="$1" -v end="$2" '
		NR > 1 && $1 != batch { settle($1) }
		{ batch = $1 }
		$2 == "000" { unanswered++ }
		END { settle(end); print broken + 0 }
		function settle(next_batch) {
			if (batch <= end && next_batch >= begin)
				broken += unanswered
			unanswered = 0
		}' "$LAB_DIR/traffic"
}
