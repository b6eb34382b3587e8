#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# health and status say what backends ask for in the answers to their checks, what of it is applied,
# and who asks for what makes no sense, until they take it back.
. "$(dirname "$0")/begin.sh"

# is NAME TEST: of its row in health.list
is() {
	lab_ctl --json health | jq -e --arg name "$1" ".[] | select(.name == \$name) | $2" >/dev/null
}

# weights_are PERCENT...: of the backends, in their order
weights_are() {
	[ "$(lab_ctl --json backends | jq -r '[.[].weight_percent] | join(" ")')" = "$*" ]
}

# answers PORT BODY [WEIGHT]
answers() {
	printf 'server { listen %s; default_type text/plain; %s location / { return 200 "%s"; } }\n' \
		"$1" "${3:+add_header X-Load-Balancing-Endpoint-Weight $3;}" "$2"
}

# become LINES: what the servers answer from now on
become() {
	cat >"$LAB_DIR/agents/nginx.conf.new" <<-END
		user root;
		worker_processes 1;
		daemon off;
		pid $LAB_DIR/agents/pid;
		error_log $LAB_DIR/agents/error.log;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path $LAB_DIR/agents/body;
			proxy_temp_path $LAB_DIR/agents/proxy;
			fastcgi_temp_path $LAB_DIR/agents/fastcgi;
			uwsgi_temp_path $LAB_DIR/agents/uwsgi;
			scgi_temp_path $LAB_DIR/agents/scgi;
			$1
		}
	END
	mv "$LAB_DIR/agents/nginx.conf.new" "$LAB_DIR/agents/nginx.conf"
}

lab_up
lab_backends_start
mkdir "$LAB_DIR/agents"
become "$(answers 9001 ready 25; answers 9002 drain 100; answers 9003 ready many)"
lab_spawn agents b1 nginx -p "$LAB_DIR/agents" -e "$LAB_DIR/agents/error.log" -c "$LAB_DIR/agents/nginx.conf"
lab_config | jq '.pools[0].health = {type: "http", via: "direct", interval_ms: 200, timeout_ms: 150,
		weight_header: true, agent: true}
	| .pools[0].backends = [.pools[0].backends | to_entries[]
		| .value + {health: {address: "10.2.0.21", port: (9001 + .key)}}]' >"$LAB_DIR/sluice.json"
chmod 640 "$LAB_DIR/sluice.json"
lab_balancer_start "$LAB_DIR/sluice.json"
say "the lab is up"

wait_for 60 is web-1 '.asked | .weight == 25 and .word == "ready" and .percent == 25 and .applied_percent == 25' ||
	die "web-1 does not get what it asks for: $(lab_ctl --json health)"
weights_are 25 100 100 || die "web-1 does not have what is said: $(lab_ctl --json backends)"
wait_for 60 is web-2 '.asked.word == "drain" and .asked.rests and .role == "rests"' ||
	die "web-2 does not rest: $(lab_ctl --json health)"
expect_equal "why web-2 rests" "$(lab_ctl --json health | jq -r '.[1].sentence')" "it asks for no new flows"
wait_for 60 is web-3 '.asked | .senseless and .weight == null and .percent == 100' ||
	die "nobody says that web-3 makes no sense: $(lab_ctl --json health)"
lab_ctl health >"$LAB_DIR/health"
cat "$LAB_DIR/health"
expect_text "what the table says of web-2" "$(grep web-2 "$LAB_DIR/health")" '100% drain$'
expect_text "what the table says of web-3" "$(grep web-3 "$LAB_DIR/health")" 'senseless$'
expect_text "what status says" "$(lab_ctl status)" \
	'warning: pool web: 1 backend asks for what makes no sense: web-3 .status 200, a senseless X-Load-Balancing-Endpoint-Weight'

say "without checks nobody asks, and all is as configured"
jq 'del(.pools[0].health, .pools[0].backends[].health)' "$LAB_DIR/sluice.json" >"$LAB_DIR/plain.json"
lab_ctl apply "$LAB_DIR/plain.json" --volatile --force >"$LAB_DIR/applied"
wait_for 60 is web-1 '.asked == null and .role == "serves"' || die "web-1 is asked: $(lab_ctl --json health)"
wait_for 60 weights_are 100 100 100 || die "not all have their weights: $(lab_ctl --json backends)"
expect_equal "problems without checks" "$(lab_ctl --json status | jq -c '.problems')" '[]'
lab_ctl apply "$LAB_DIR/sluice.json" --volatile --force >"$LAB_DIR/applied"
wait_for 60 is web-1 '.asked | .weight == 25 and .applied_percent == 25' ||
	die "web-1 does not get what it asks for again: $(lab_ctl --json health)"

become "$(answers 9001 ready 100; answers 9002 ready 100; answers 9003 ready 100)"
kill -HUP "$(lab_pid agents)"
for number in "${LAB_BACKENDS[@]}"; do
	wait_for 60 is "web-$number" '.role == "serves" and (.asked | .applied_percent == 100 and (.senseless | not))' ||
		die "web-$number is not as before: $(lab_ctl --json health)"
done
expect_equal "problems that are left" "$(lab_ctl --json status | jq -c '.problems')" '[]'
