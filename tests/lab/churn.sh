#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Nothing breaks: nginx backends with connections of every kind, while at the same time every web
# server is restarted by drain, weights change every second, a backend comes and goes, checks flap,
# SYNs flood into slots that are changing, and sluiced is killed and started again. No connection may
# be reset or time out. That this would be seen is shown afterwards, by removing a busy backend at
# once.
#
# usage: churn.sh [--long]
. "$(dirname "$0")/begin.sh"

# begin.sh's lab has three backends; here four stay, and a fifth comes and goes.
LAB_BACKENDS=(1 2 3 4 5)
# shellcheck disable=SC2034 # for churn_changes.sh
{
	CHURN_STAYING=(1 2 3 4)
	CHURN_GUEST=5
	CHURN_DEADLINE=1h # nothing is to be cut off by a drain's deadline
	CHURN_SYN_RATE=4000
}
CHURN_SECONDS=100
CONTROL_SECONDS=8
CHURN_SEED=20240229
CHURN_HERE=$(dirname "$(readlink -f "$0")")
FILE_RATE=40000 # bytes a second
case ${1:-} in
--long) CHURN_SECONDS=900 ;;
esac

# Affinity in seconds instead of minutes, so that slots find a new home within the test.
CHURN_FILTER='
	.pools[0].backends = [range(1; 5) | {name: "web-\(.)", address: "10.2.0.2\(.)", weight: 100}] |
	.pools[0].affinity = {observe_s: 20, settle_s: 2, hold_s: 20, fail_grace_s: 5, guard_s: 2} |
	.dataplane.ports[0].neighbours += [range(4; 6) |
		{address: ("10.2.0.2\(.)", "fd00:2::2\(.)"), mac: "02:00:00:00:00:2\(.)"}] |
	.services += [.services[] | .name += "-files" | .port = 8080]'

churn_lab() {
	local number
	lab_up
	CONFIG=$LAB_DIR/sluice.json
	lab_config | jq "$CHURN_FILTER" >"$CONFIG"
	lab_ip rtr route add blackhole 198.18.0.0/15
	mkdir "$LAB_DIR/payload"
	payload_make clients "$CHURN_SECONDS"
	payload_make control "$CONTROL_SECONDS"
	for number in "${LAB_BACKENDS[@]}"; do
		web_prepare "$number"
		files_start "$number"
	done
	lab_backends_start
	lab_balancer_start "$CONFIG"
	say "the lab is up: $(balancer_driver), seed $CHURN_SEED"
}

# payload_make NAME SECONDS: what a download takes a little longer for than so.
payload_make() {
	python3 - "$CHURN_SEED" $((FILE_RATE * ($2 + 3))) >"$LAB_DIR/payload/$1" <<-END
		import random, sys
		sys.stdout.buffer.write(random.Random(int(sys.argv[1])).randbytes(int(sys.argv[2])))
	END
}

# A download from the web server lasts for some seconds.
web_prepare() {
	mkdir -p "$LAB_DIR/nginx-$1/locations"
	cat >"$LAB_DIR/nginx-$1/locations/payload.conf" <<-END
		location /payload/ {
			alias $LAB_DIR/payload/;
			limit_rate $((FILE_RATE * CHURN_SECONDS / 8));
		}
	END
}

# The file server, which is never restarted.
files_start() {
	local directory=$LAB_DIR/files-$1
	mkdir -p "$directory/www"
	ln -s "$LAB_DIR/payload" "$directory/www/payload"
	echo "files-$1" >"$directory/www/index.html"
	files_config "$1" "$directory" >"$directory/nginx.conf"
	lab_spawn "files-$1" "b$1" nginx -p "$directory" -e "$directory/error.log" -c "$directory/nginx.conf"
}

files_config() {
	cat <<-END
		user root;
		worker_processes 1;
		daemon off;
		pid $2/pid;
		error_log $2/error.log;
		events { worker_connections 2048; }
		http {
			access_log off;
			client_header_timeout 1h;
			client_body_temp_path $2/body;
			proxy_temp_path $2/proxy;
			fastcgi_temp_path $2/fastcgi;
			uwsgi_temp_path $2/uwsgi;
			scgi_temp_path $2/scgi;
			add_header X-Backend web-$1;
			server {
				listen 8080 backlog=1024;
				listen [::]:8080 backlog=1024;
				root $2/www;
				limit_rate $FILE_RATE;
			}
		}
	END
}

# clients_start NAME SECONDS: they download payload/NAME; LAB_DIR/NAME.json will say what became of
# all of them.
clients_start() {
	lab_spawn "$1" cli python3 "$CHURN_HERE/churn_clients.py" "$2" "$CHURN_SEED" \
		"$LAB_DIR/payload/$1" "$LAB_DIR/$1.json" \
		"$LAB_IPIP4" "$LAB_IPIP6" "$LAB_DSR4" "$LAB_DSR6"
	wait_for 60 grep -q ready "$LAB_DIR/$1.log" || die "$1: not ready after 60 s"
	say "$1: at work"
}

# clients_end NAME: lets each end what it is at; a download may have just begun.
clients_end() {
	kill "$(lab_pid "$1")"
	wait_for 600 lab_gone "$1" || die "$1: do not end"
	[ -s "$LAB_DIR/$1.json" ] || die "$1: ended without a report"
}

# broken NAME: how many of their connections.
broken() {
	jq '.reset + .timed_out + .wrong' "$LAB_DIR/$1.json"
}

churn() {
	clients_start clients "$CHURN_SECONDS"
	churn_begin watch
	churn_begin rolling
	churn_begin weights "$CHURN_SEED"
	churn_begin members
	churn_begin checks
	churn_begin flood "$CHURN_SEED"
	churn_begin deaths
	pace $((CHURN_SECONDS - 12))
	wait_for 600 churn_is_enough || say "after ten minutes more, not all has happened often enough"
	churn_end
	say "clients: ending"
	clients_end clients
}

# On a busy machine it takes longer until all that is judged has happened. It also ends early for a
# change that has failed.
churn_is_enough() {
	! churn_has_failed || return 0
	[ "$(web_restarts)" -ge "${#CHURN_STAYING[@]}" ] && [ "$(sluiced_restarts)" -ge 3 ] &&
		[ "$(seconds_of_probation)" -ge 10 ]
}

web_restarts() {
	grep -c '^restarted' "$LAB_DIR/rolling.log" || return 0
}

sluiced_restarts() {
	grep -c warm "$LAB_DIR/deaths.log" || return 0
}

seconds_of_probation() {
	jq -s 'map(select(.classes.probation > 100)) | length' "$LAB_DIR/pins"
}

# The same clients, and a change that breaks.
show_that_breaks_are_seen() {
	clients_start control "$CONTROL_SECONDS"
	lab_ctl backend remove web web-1 --now >"$LAB_DIR/removal.log"
	say "control: web-1 removed at once"
	clients_end control
	expect_at_least "control: connections broken by that" "$(broken control)" 1
}

largest() {
	jq -s "map($1) | max" "$LAB_DIR/pins"
}

print_sums() {
	jq -r '"churn: connections opened \(.opened), finished \(.finished), reset \(.reset), timed out \(.timed_out), wrong \(.wrong)",
		"churn: requests \(.requests), downloads \(.downloads), bytes \(.bytes), longest wait \(.longest_wait_ms) ms"' \
		"$LAB_DIR/clients.json"
	jq -rs '"churn: changes \(length), slots moved \(map(.slots_moved) | add)"' "$CHANGES"
	echo "churn: restarts of web servers $(web_restarts), of sluiced $(sluiced_restarts)"
	echo "churn: peak pins $(largest .used), most slots unresolved $(largest '.pools[0].unresolved')"
}

judge() {
	expect_equal "connections broken" "$(broken clients)" 0
	expect_equal "connections finished" "$(jq .finished "$LAB_DIR/clients.json")" "$(jq .opened "$LAB_DIR/clients.json")"
	expect_at_least "downloads" "$(jq .downloads "$LAB_DIR/clients.json")" 16
	expect_at_least "web servers restarted" "$(web_restarts)" "${#CHURN_STAYING[@]}"
	expect_at_least "restarts of sluiced" "$(sluiced_restarts)" 3
	expect_at_least "seconds in which SYNs were on probation" "$(seconds_of_probation)" 10
}

churn_lab
# shellcheck source=tests/lab/churn_changes.sh
. "$CHURN_HERE/churn_changes.sh"
churn
print_sums
judge
show_that_breaks_are_seen
