# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# checks: many checks in one lab, each in two pools of its own: NAME-vip is probed in the tunnel and
# NAME-direct at the address of the backend.

# checks_filter: a filter of lab_config() that adds them. Each line of standard input is one:
# NAME NUMBER PROTOCOL PORT HEALTH, the number being that of the backend, HEALTH a JSON object that
# goes on from CHECK; a program is told its address and goes its own way. PORT is that of the service, and probed where HEALTH has no other.
checks_filter() {
	# shellcheck disable=SC2016 # for jq
	jq -Rnr --argjson check "$CHECK" --arg vip "$LAB_IPIP4" '
	def pool($via): {
		name: "\(.name)-\($via)", slots: 251,
		backends: [{name: "b\(.number)", address: "10.2.0.2\(.number)"}],
		health: ($check
			+ if .health.type != "external" then {via: $via} else {} end
			+ if $via == "direct" and .health.type != "icmp" then {port: .port} else {} end
			+ .health)};
	[inputs | select(. != "")
		| capture("^(?<name>\\S+) +(?<number>\\d) +(?<protocol>\\S+) +(?<port>\\d+) +(?<health>.*)$")
		| .port |= tonumber | .health |= fromjson]
	| ".pools += \(map(pool("vip", "direct")))
	| .services += \(map({name, vip: $vip, protocol, port, pool: "\(.name)-vip", forward: "ipip"}))"'
}

# By far longer than anything takes here, so that a busy machine finds little that is not so; what
# it does find is over with the next probe.
CHECK='{"interval_ms": 300, "timeout_ms": 250, "fall": 2, "rise": 1}'

# expect_checks: each line of standard input, NAME STATUS REASON SENTENCE, comes to be true of both
# pools of that name: the status, and what the latest probe has found.
expect_checks() {
	sed 's/^\([^ ]*\)\(.*\)/\1-vip\2\n\1-direct\2/' | sort >"$LAB_DIR/expected"
	if ! wait_for 60 checks_have_come; then
		checks_found | grep -F -f <(cut -d ' ' -f 1 "$LAB_DIR/expected") >&2
		die "this has not been found: $(cat "$LAB_DIR/expected")"
	fi
}

# Whatever was seen once is expected no more.
checks_have_come() {
	checks_found | sort >"$LAB_DIR/found"
	comm -23 "$LAB_DIR/expected" "$LAB_DIR/found" >"$LAB_DIR/missing"
	mv "$LAB_DIR/missing" "$LAB_DIR/expected"
	[ ! -s "$LAB_DIR/expected" ]
}

checks_found() {
	lab_ctl --json health |
		jq -r '.[] | select(.last != null) | "\(.pool) \(.status) \(.last.reason) \(.last.sentence)"'
}

# checks_are STATUS: all of them.
checks_are() {
	[ "$(lab_ctl --json health | jq -c '[.[] | select(.type != "none") | .status] | unique')" = "[\"$1\"]" ]
}

expect_checks_up() {
	wait_for 60 checks_are up || die "not all are up: $(lab_ctl health)"
	say "all checks are up"
}

# health POOL NAME FIELD
health() {
	lab_ctl --json health "$1" | jq -r --arg name "$2" ".[] | select(.name == \$name) | $3"
}

# web_write NAME: the configuration of a further nginx, with the servers of standard input. One that
# runs already takes it by SIGHUP.
web_write() {
	local directory=$LAB_DIR/$1
	mkdir -p "$directory"
	cat >"$directory/nginx.conf.new" <<-END
		user root;
		worker_processes 1;
		daemon off;
		pid $directory/pid;
		error_log $directory/error.log;
		events { worker_connections 1024; }
		http {
			access_log off;
			client_body_temp_path $directory/body;
			proxy_temp_path $directory/proxy;
			fastcgi_temp_path $directory/fastcgi;
			uwsgi_temp_path $directory/uwsgi;
			scgi_temp_path $directory/scgi;
			$(cat)
		}
	END
	mv "$directory/nginx.conf.new" "$directory/nginx.conf"
}

# web_start NAME HOST
web_start() {
	lab_spawn "$1" "$2" nginx -p "$LAB_DIR/$1" -e "$LAB_DIR/$1/error.log" -c "$LAB_DIR/$1/nginx.conf"
}
