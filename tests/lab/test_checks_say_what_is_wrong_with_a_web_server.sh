#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Checks by http and https find each way in which a web server fails, say which it is, in the tunnel
# as well as to its own address, and find that it is well again.
. "$(dirname "$0")/begin.sh"
# shellcheck source=tests/lab/checks.sh
. "$LIB/../../tests/lab/checks.sh"
# shellcheck source=tests/lab/certificates.sh
. "$LIB/../../tests/lab/certificates.sh"

NAME=web.lab.example

# server PORT LINES: one that listens for HTTP.
server() {
	printf 'server { listen %s; default_type text/plain; %s }\n' "$1" "$2"
}

# tls PORT CERTIFICATE [LINES]
tls() {
	server "$1 ssl" "ssl_certificate $LAB_DIR/certificates/$2.pem;
		ssl_certificate_key $LAB_DIR/certificates/$2.key;
		${3:-ssl_protocols TLSv1.2 TLSv1.3;} location / { return 200 well; }"
}

well() {
	local port
	for port in 8001 8002 8003 8005 8006 8007; do
		server "$port" 'location / { return 200 "all is well"; }'
	done
	server 8004 "location / { root $LAB_DIR/web; try_files /well =404; }"
	for port in 8101 8102 8103 8104 8105 8106 8107 8108 8109; do
		tls "$port" well
	done
}

# Nothing listens at 8001 and 8101.
ill() {
	server 8002 'location / { return 503; }'
	server 8003 'location / { return 200 "out of order"; }'
	server 8004 "location / { root $LAB_DIR/web; try_files /well =404; limit_rate_after 1000; limit_rate 1; }"
	server 8005 'reset_timedout_connection on; location / { return 444; }'
	server 8006 'location / { return 444; }'
	server 8007 'location / { return 302 /elsewhere; }'
	tls 8102 other
	tls 8103 expired
	tls 8104 early
	tls 8105 itself
	tls 8106 well 'ssl_protocols TLSv1.1; ssl_ciphers DEFAULT:@SECLEVEL=0;'
	tls 8107 well 'ssl_protocols TLSv1.2;'
	server 8108 'location / { return 200 well; }'
	tls 8109 other
}

https() {
	jq -cn --arg name "$NAME" --arg ca "$LAB_DIR/certificates/ca.pem" \
		'{type: "https", sni: $name, ca_file: $ca} + $ARGS.positional[0]' --jsonargs "${1:-{\}}"
}

lab_up
lab_backends_start
certificates_begin
certificate_make well "$NAME"
certificate_make other other.lab.example
certificate_make expired "$NAME" 20200101000000Z 20200229000000Z
certificate_make early "$NAME" 20980101000000Z
certificate_sign_itself itself "/CN=$NAME" -addext "subjectAltName=DNS:$NAME"
well | web_write web
head -c 4000 /dev/zero >"$LAB_DIR/web/well"
web_start web b1

lab_config | jq "$(checks_filter <<END
refused 1 tcp 8001 {"type": "http"}
status 1 tcp 8002 {"type": "http", "method": "HEAD"}
body 1 tcp 8003 {"type": "http", "expect_body": "all is well"}
slow 1 tcp 8004 {"type": "http"}
reset 1 tcp 8005 {"type": "http"}
closed 1 tcp 8006 {"type": "http"}
redirect 1 tcp 8007 {"type": "http", "expect_status": "200"}
hang 2 tcp 8008 {"type": "http", "port": 80}
tls-refused 1 tcp 8101 $(https)
tls-name 1 tcp 8102 $(https)
tls-expired 1 tcp 8103 $(https)
tls-early 1 tcp 8104 $(https)
tls-itself 1 tcp 8105 $(https)
tls-old 1 tcp 8106 $(https)
tls-min 1 tcp 8107 $(https '{"tls_min": "1.3"}')
tls-none 1 tcp 8108 $(https)
tls-any 1 tcp 8109 {"type": "https", "verify": false}
END
)" >"$LAB_DIR/sluice.json"
lab_balancer_start "$LAB_DIR/sluice.json"
say "the lab is up"
expect_checks_up

ill | web_write web
kill -HUP "$(lab_pid web)"
kill -STOP "$(lab_pid nginx-2)" $(pgrep -P "$(lab_pid nginx-2)")
expect_checks <<END
refused down refused connect refused
status down status status 503, expected 200-299
body down body no "all is well" in the body
slow down timeout no end of the answer in 250 ms
reset down reset connection reset
closed down closed connection closed without an answer
redirect down status status 302, expected 200
hang down timeout no answer in 250 ms
tls-refused down refused connect refused
tls-name down certificate certificate is not for $NAME
tls-expired down expired certificate expired on 2020-02-29
tls-early down certificate certificate is not valid before 2098-01-01
tls-itself down certificate certificate is self-signed
tls-old down tls no TLS 1.2 or later
tls-min down tls no TLS 1.3 or later
tls-none down protocol the answer is not TLS
tls-any up passed status 200
END
say "each failure is found and named"

well | web_write web
kill -HUP "$(lab_pid web)"
kill -CONT "$(lab_pid nginx-2)" $(pgrep -P "$(lab_pid nginx-2)")
expect_checks_up
