# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# churn_changes: what is done to the balancer and its backends while the clients of churn.sh are at
# work. Each of these runs in a process of its own, begins nothing new once LAB_DIR/churn.stop is
# there, and fails with a sentence in LAB_DIR/NAME.log.

# The answers of all changes, a line each.
CHANGES=$LAB_DIR/changes

CHURN_PROCESSES=()

# churn_begin NAME [SEED]: the function churn_NAME in the background.
churn_begin() {
	"churn_$1" "${@:2}" >"$LAB_DIR/$1.log" 2>&1 &
	process_identity $! >"$LAB_DIR/pids/$1"
	CHURN_PROCESSES+=("$1:$!")
}

# Lets all of them end what they are at.
churn_end() {
	local process
	touch "$LAB_DIR/churn.stop"
	for process in "${CHURN_PROCESSES[@]}"; do
		wait "${process#*:}" || die "${process%:*}: $(tail -n 1 "$LAB_DIR/${process%:*}.log")"
	done
}

# Whether one of them has ended by itself.
churn_has_failed() {
	local process
	for process in "${CHURN_PROCESSES[@]}"; do
		lab_runs "${process%:*}" || return 0
	done
	return 1
}

churn_is_over() {
	[ -e "$LAB_DIR/churn.stop" ]
}

# pace SECONDS: from one change to the next, or until there is to be none.
pace() {
	local looks=$(($1 * 4))
	while [ $((looks--)) -gt 0 ] && ! churn_is_over; do
		sleep 0.25
	done
}

# change ARGUMENTS...: sluicectl backend, until it is done: sluiced may be away, or die of kill -9
# between the change and its answer. Every one can be asked for twice.
change() {
	wait_for 60 change_once "$@" || die "backend $*: not done after 60 s"
}

change_once() {
	local answer
	answer=$(lab_ctl --json backend "$@") || return 1
	jq -c --arg what "$*" '{what: $what, slots_moved}' <<<"$answer" >>"$CHANGES"
}

# backend_row NAME PATH: of one that is in the pool or still drains after its removal.
backend_row() {
	lab_ctl --json backends | jq -r --arg name "$1" ".[] | select(.name == \$name) | $2"
}

# --- the rolling restart ---

# A web server is restarted once no client is connected to it any more. The file server beside it
# goes on, so its long connections see their backend drain and come back several times.
churn_rolling() {
	local number
	until churn_is_over; do
		for number in "${CHURN_STAYING[@]}"; do
			change drain web "web-$number" --deadline "$CHURN_DEADLINE"
			wait_for 60 web_is_left "$number" || die "web-$number: connections do not end"
			lab_stop "nginx-$number"
			nginx_start "$number"
			wait_for 60 backend_answers "$number" || die "web-$number does not come back"
			change activate web "web-$number"
			echo "restarted web-$number"
			! churn_is_over || break
		done
	done
}

# The flood's half-open connections belong to no client.
web_is_left() {
	[ -z "$(lab_in "b$1" ss -Htn state connected exclude time-wait \
		'( sport = :80 and not dst 198.18.0.0/15 and not dst ::ffff:198.18.0.0/111 )')" ]
}

# --- weights, additions and removals ---

# churn_weights SEED
churn_weights() {
	local name turn=0
	RANDOM=$1
	until churn_is_over; do
		name=web-${CHURN_STAYING[RANDOM % ${#CHURN_STAYING[@]}]}
		if [ $((turn++ % 2)) -eq 0 ]; then
			change set web "$name" --weight $((60 + RANDOM % 80))
		else
			change set web "$name" --weight $((60 + RANDOM % 41))%
		fi
		pace 1
	done
}

# The one that comes and goes is removed while it has flows, and comes back while it drains.
churn_members() {
	until churn_is_over; do
		wait_for 60 member_add || die "web-$CHURN_GUEST cannot be added"
		wait_for 60 member_is_busy || die "web-$CHURN_GUEST gets no flows"
		pace 4
		wait_for 60 member_remove || die "web-$CHURN_GUEST cannot be removed"
		pace 4
	done
}

member_add() {
	change_once add web "web-$CHURN_GUEST" --address "10.2.0.2$CHURN_GUEST" || member_stays
}

member_remove() {
	change_once remove web "web-$CHURN_GUEST" --deadline "$CHURN_DEADLINE" || member_goes
}

member_stays() {
	[ "$(backend_row "web-$CHURN_GUEST" .removed)" = false ]
}

member_goes() {
	lab_ctl --json backends >"$LAB_DIR/members" || return 1
	! jq -e --arg name "web-$CHURN_GUEST" 'any(.name == $name and (.removed | not))' "$LAB_DIR/members"
}

member_is_busy() {
	[ "$(backend_row "web-$CHURN_GUEST" .new_flows)" -gt 20 ]
}

# A check that fails and succeeds again by turns, each time sooner than fail_grace_s.
churn_checks() {
	local turn=0 name
	until churn_is_over; do
		name=web-${CHURN_STAYING[turn++ % ${#CHURN_STAYING[@]}]}
		change set web "$name" --health down
		pace 1
		change set web "$name" --health up
		pace 5
	done
}

# --- the flood, and the death of sluiced ---

# churn_flood SEED
churn_flood() {
	lab_spawn syns cli python3 "$CHURN_HERE/syn_flood.py" "$1" "$CHURN_SYN_RATE" 80 \
		"$LAB_IPIP4" "$LAB_DSR4"
	until churn_is_over; do
		lab_runs syns || die "the SYNs have ended"
		pace 1
	done
	lab_stop syns
}

# Two of three times without a warning.
churn_deaths() {
	local turn=0 signals=(KILL TERM KILL)
	until churn_is_over; do
		pace 20
		! churn_is_over || return 0
		sluiced_dies "${signals[turn++ % ${#signals[@]}]}"
	done
}

# sluiced_dies SIGNAL: and is started again.
sluiced_dies() {
	lab_balancer_stop "$1"
	lab_balancer_start "$CONFIG"
	expect_equal "start after SIG$1" "$(lab_ctl --json status | jq -r .state.start)" warm
}

# --- what is to be seen meanwhile ---

# Each line of LAB_DIR/pins is what `pins` answered.
churn_watch() {
	until churn_is_over; do
		lab_ctl --json pins 2>/dev/null | jq -c . >>"$LAB_DIR/pins" || true # sluiced may be away
		pace 1
	done
}
